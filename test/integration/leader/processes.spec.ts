import { sleep } from '../../support/until.js';
import { Electorate, mark, type Voter } from './electorate.js';

const LEASE = 2_000;
/** What a process on a loaded machine may take beside that. */
const LATE = 1_000;

/** How long nobody led, in ms, by what was done to the leader. */
const gaps = new Map<string, number[]>();

describe('leaders in processes of their own', () => {
  let all: Electorate;
  beforeAll(async () => {
    all = await Electorate.open(4, LEASE);
  }, 60_000);
  afterEach(() => expect(all.overlaps()).toEqual([]));
  afterAll(async () => {
    await all.close();
    const rows = [...gaps].map(
      ([what, ms]) => `  ${what.padEnd(16)}${ms.map((one) => one.toFixed(0)).join(', ')}`,
    );
    process.stdout.write(
      `gap between two leaders in ms, lease ${String(LEASE)}:\n${rows.join('\n')}\n`,
    );
  });

  /** Does something to the leader, and waits for the next one. */
  async function afterIts(fault: string, act: (leader: Voter) => void) {
    const leader = await all.settled();
    const before = all.told.findLast(({ kind, voter }) => kind === 'gained' && voter === leader)!;
    const at = mark(() => act(leader));
    const next = await all.next(at);
    expect(next.token).toBeGreaterThan(before.token);
    const gap = next.at - at;
    gaps.set(fault, [...(gaps.get(fault) ?? []), gap]);
    return { leader, before, next, gap };
  }

  it('Order: one that steps down has a successor long before its lease would have ended', async () => {
    const order: string[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      const { gap, next } = await afterIts('stopped', ({ child }) =>
        child.send({ do: 'stepDown' }),
      );
      // A lease is renewed when a third of it has passed: so much of it was left.
      expect(gap).toBeLessThan((LEASE * 2) / 3);
      order.push(next.voter.name);
    }
    // In turn: each of the four twice.
    expect(order.slice(4)).toEqual(order.slice(0, 4));
    expect(new Set(order).size).toBe(4);
  });

  it('Exclusion: one that is frozen is followed when its lease has ended, and does not believe when it goes on', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const { leader, before, gap } = await afterIts('frozen', ({ child }) =>
        child.kill('SIGSTOP'),
      );
      await sleep(100);
      const thawed = mark(() => leader.child.kill('SIGCONT'));
      await all.lossOf(before);
      expect(all.lastBelief(before.token)).toBeLessThan(thawed);
      expect(gap).toBeLessThan(LEASE + LATE);
    }
  });

  it('Exclusion: one that is cut off stops believing before the next is elected', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const { leader, before, next, gap } = await afterIts('cut off', ({ proxy }) =>
        proxy.halfOpen('both', true),
      );
      const loss = await all.lossOf(before);
      expect(loss.at).toBeLessThan(next.at);
      expect(gap).toBeLessThan(LEASE + LATE);
      leader.proxy.heal();
      // It is a candidate again.
      await all.settled();
    }
  });

  it('a connection that ends and comes back costs nobody the lead', async () => {
    const leader = await all.settled();
    const { length } = all.told;
    for (let turn = 0; turn < 4; turn += 1) {
      leader.proxy.cut('both');
      await sleep(LEASE / 2);
    }
    expect(all.told).toHaveLength(length);
  });

  it('Dead peers: one that is killed is followed when its lease has ended', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const { gap } = await afterIts('killed', (leader) => all.kill(leader));
      expect(gap).toBeLessThan(LEASE + LATE);
    }
    expect(all.terms).toBeGreaterThan(8);
  });
});

describe('what shows that', () => {
  it('finds out a leader that never stops believing', async () => {
    const all = await Electorate.open(0, 400);
    try {
      const deaf = await all.join(true);
      const { at } = await all.next(0);
      await all.join();
      deaf.child.kill('SIGSTOP');
      const next = await all.next(at);
      deaf.child.kill('SIGCONT');
      await all.lossOf(all.told[0]!);
      while (all.overlaps().length === 0) await sleep(20);
      expect(next.voter).not.toBe(deaf);
      expect(all.overlaps()[0]).toMatch(/^process 1 and process 2 for /);
    } finally {
      await all.close();
    }
  });
});
