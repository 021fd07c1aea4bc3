import type { StoreLog } from '../../lib/stores/store-log.js';
import { Candidates } from '../support/candidates.js';
import { ManualClock } from '../support/manual-clock.js';
import { MoodyStore } from '../support/moody-store.js';

const LEASE = 3_000;
const UNAVAILABLE_AFTER = 500;
/** The longest pause between two attempts. */
const PAUSE = 1_000;

describe('an election whose store is in trouble', () => {
  let clock: ManualClock;
  let store: MoodyStore;
  let all: Candidates;
  let log: string[];
  const told: StoreLog = {
    log: (text) => log.push(`log ${text}`),
    warn: (text) => log.push(`warn ${text}`),
    error: (text) => log.push(`error ${text}`),
  };
  const options = { log: told, unavailableAfter: UNAVAILABLE_AFTER };
  const errors = (): string[] => log.filter((text) => text.startsWith('error'));

  beforeEach(() => {
    log = [];
    clock = new ManualClock();
    store = new MoodyStore({ clock });
    all = new Candidates(clock, store);
  });
  afterEach(() => all.close());

  it('Three answers: goes on trying through an outage, and says so once', async () => {
    store.silence = { since: clock.mono(), cause: new Error('connect ECONNREFUSED') };
    const a = all.join('a', options);
    await all.pass(60_000);
    expect(all.leaders).toEqual([]);
    expect(errors()).toEqual([
      expect.stringMatching(
        /^error no leader of "scheduler" from here, tries again until it can: no answer from the lock store/,
      ),
    ]);
    expect(store.asked).toBeGreaterThan(60_000 / (PAUSE + UNAVAILABLE_AFTER));
    store.silence = undefined;
    await all.pass(PAUSE + UNAVAILABLE_AFTER);
    expect(all.leaders).toEqual(['a']);
    expect(log.at(-1)).toBe(`log leader of "scheduler", token ${a.election.term!.token}`);
  });

  it('Three answers: so it is with a store that refuses, and the next trouble is told again', async () => {
    store.failure = new Error('NOPERM this user has no permissions');
    const a = all.join('a', options);
    await all.pass(10_000);
    expect(errors()).toEqual([
      expect.stringContaining('the lock store refused "scheduler": NOPERM'),
    ]);
    expect(store.asked).toBeGreaterThanOrEqual(10);
    expect(store.asked).toBeLessThanOrEqual(51);
    store.failure = undefined;
    await all.pass(PAUSE);
    expect(all.leaders).toEqual(['a']);
    store.failure = new Error('OOM');
    await a.election.stepDown();
    await all.pass(5_000);
    expect(errors()).toHaveLength(2);
    expect(errors()[1]).toContain('OOM');
  });

  it('the pauses differ, so that all candidates do not come at once', async () => {
    store.failure = new Error('NOPERM');
    const at: number[] = [];
    const a = all.join('a', options);
    for (let ms = 0, asked = 0; ms < 30_000; ms += 10) {
      await all.pass(10);
      if (store.asked > asked) at.push(a.clock.mono());
      asked = store.asked;
    }
    const pauses = at.slice(1).map((one, i) => one - at[i]!);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(PAUSE + 10);
    expect(new Set(pauses).size).toBeGreaterThan(3);
  });

  it('No silent loss: a leader cut off from its store believes no longer than its lease', async () => {
    const a = all.join('a', options);
    await all.pass(10);
    store.silence = { since: clock.mono(), cause: undefined };
    const { signal } = a.election.term!;
    await all.pass(LEASE - 30);
    expect(all.leaders).toEqual([]);
    expect(signal.aborted).toBe(true);
    expect(log.filter((text) => text.startsWith('warn'))).toEqual([
      expect.stringContaining('warn leader no longer: "scheduler" was lost: its lease ran out'),
    ]);
    store.silence = undefined;
    await all.pass(PAUSE + LEASE);
    expect(all.leaders).toEqual(['a']);
    expect(a.events).toEqual(['gained', 'lost', 'gained']);
  });

  it('a closed election does not try again', async () => {
    store.failure = new Error('NOPERM');
    const a = all.join('a', options);
    await all.pass(5_000);
    await a.election.close();
    const { asked } = store;
    await all.pass(5_000);
    expect(store.asked).toBe(asked);
    expect(a.clock.pending).toBe(0);
  });
});
