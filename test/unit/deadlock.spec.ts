import { LockBusyError, detailOf } from '../../lib/lock/lock.errors.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { FarStore } from '../support/far-store.js';
import { Gate } from '../support/gate.js';
import { ManualClock } from '../support/manual-clock.js';
import { watch } from '../support/until.js';

const WAIT = 1_000;
const UNAVAILABLE_AFTER = 5_000;
const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe.each([
  ['in the store', MemoryStore],
  ['inside the process', FarStore],
])('a deadlock between nested chains that wait %s', (_, Store) => {
  let clock: ManualClock;
  let locks: LockService;
  let others: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    const options = {
      clock,
      leaseTime: 3_000,
      waitTime: WAIT,
      unavailableAfter: UNAVAILABLE_AFTER,
    };
    locks = new LockService({ ...options, store: new Store({ clock }) });
    others = new LockService({ ...options, store: new Store({ clock }) });
  });
  afterEach(async () => {
    const closing = Promise.all([locks.close(), others.close()]);
    await clock.advanceAndSettle(20_000);
    await closing;
    expect(clock.pending).toBe(0);
  });

  const turn = (): Promise<void> => clock.advanceAndSettle(0);

  /** Holds the first key, waits for the gate, then asks for the next, and so on. */
  function chain(gate: Gate, [key, next]: string[], waitTime = WAIT): Promise<unknown> {
    return locks.using(key!, async () => {
      await gate.opened;
      return next === undefined ? 'done' : locks.using(next, { waitTime }, () => 'done');
    });
  }

  /** Opens one gate after the other, so that their waits do not end in one moment. */
  async function openInTurn(gates: readonly Gate[]): Promise<void> {
    await turn();
    for (const gate of gates) {
      gate.open();
      await clock.advanceAndSettle(10);
    }
  }

  it('of two is told to the one whose wait is over first, as "busy", with the ring', async () => {
    const gates = [new Gate(), new Gate()];
    const first = caught(chain(gates[0]!, ['a', 'b']));
    const second = chain(gates[1]!, ['b', 'a']);
    await openInTurn(gates);
    const seen = [watch(first), watch(second)];
    await clock.advanceAndSettle(WAIT - 21);
    // As long as they may wait one of them may still give up by itself.
    expect(seen.map(({ settled }) => settled)).toEqual([false, false]);
    await clock.advanceAndSettle(1);
    const error = await first;
    expect(error).toBeInstanceOf(LockBusyError);
    expect(error).toMatchObject({
      code: 'LOCK_BUSY',
      reason: 'deadlock',
      key: 'b',
      waitedMs: WAIT,
    });
    expect(detailOf(error)).toContain('"b" → "a"');
    // The other one goes on at once: the first has let go.
    expect(seen[1]!.value).toBe('done');
  });

  it('of three is told with the whole ring', async () => {
    const gates = [new Gate(), new Gate(), new Gate()];
    const first = caught(chain(gates[0]!, ['a', 'b']));
    const rest = [chain(gates[1]!, ['b', 'c']), chain(gates[2]!, ['c', 'a'])];
    await openInTurn(gates);
    await clock.advanceAndSettle(WAIT);
    expect(detailOf(await first)).toContain('"b" → "c" → "a"');
    await Promise.all(rest);
  });

  it('is seen from any depth of nesting', async () => {
    const gates = [new Gate(), new Gate()];
    const deep = (gate: Gate, outer: string, inner: string, wanted: string): Promise<unknown> =>
      locks.using(outer, () => locks.using(inner, () => chain(gate, [`${outer}:leaf`, wanted])));
    const first = caught(deep(gates[0]!, 'a', 'x', 'b'));
    const second = deep(gates[1]!, 'b', 'y', 'a');
    await openInTurn(gates);
    await clock.advanceAndSettle(WAIT);
    expect(await first).toMatchObject({ reason: 'deadlock' });
    expect(await second).toBe('done');
  });

  it('between siblings inside one outer lock is told as well', async () => {
    const gates = [new Gate(), new Gate()];
    await locks.using('order', async () => {
      const first = caught(chain(gates[0]!, ['a', 'b']));
      const second = chain(gates[1]!, ['b', 'a']);
      await openInTurn(gates);
      await clock.advanceAndSettle(WAIT);
      expect(await first).toMatchObject({ reason: 'deadlock' });
      expect(await second).toBe('done');
    });
  });

  it('through a lock that is taken again inside the outer one is told', async () => {
    const gates = [new Gate(), new Gate()];
    await locks.using('order', async () => {
      const first = caught(chain(gates[0]!, ['a', 'order']));
      const second = chain(gates[1]!, ['order', 'a']);
      await openInTurn(gates);
      await clock.advanceAndSettle(WAIT);
      expect(await first).toMatchObject({ reason: 'deadlock', key: 'order' });
      expect(await second).toBe('done');
    });
  });

  it('with one who takes a list is told', async () => {
    const gate = new Gate();
    const first = caught(chain(gate, ['b', 'a'], 100));
    await turn();
    const list = locks.using(['a', 'b'], () => 'both');
    await openInTurn([gate]);
    await clock.advanceAndSettle(100);
    expect(await first).toMatchObject({ reason: 'deadlock' });
    expect(await list).toBe('both');
  });

  it('is null to one who only tries', async () => {
    const gates = [new Gate(), new Gate()];
    const first = locks.using('a', async () => {
      await gates[0]!.opened;
      return locks.tryAcquire('b', { waitTime: 100 });
    });
    const second = chain(gates[1]!, ['b', 'a']);
    await openInTurn(gates);
    await clock.advanceAndSettle(100);
    expect(await first).toBeNull();
    expect(await second).toBe('done');
  });

  describe('of those who wait for ever', () => {
    it('is told when it has lasted for unavailableAfter', async () => {
      const gates = [new Gate(), new Gate()];
      const first = caught(chain(gates[0]!, ['a', 'b'], Infinity));
      const second = caught(chain(gates[1]!, ['b', 'a'], Infinity));
      await openInTurn(gates);
      const seen = [watch(first), watch(second)];
      await clock.advanceAndSettle(UNAVAILABLE_AFTER - 30);
      expect(seen.map(({ settled }) => settled)).toEqual([false, false]);
      await clock.advanceAndSettle(2 * UNAVAILABLE_AFTER);
      // One of them makes room for the other.
      const outcomes = await Promise.all([first, second]);
      expect(outcomes.filter((one) => one === 'done')).toHaveLength(1);
      const told = outcomes.find((one) => one !== 'done');
      expect(told).toMatchObject({ code: 'LOCK_BUSY', reason: 'deadlock' });
    });

    it('is told inside an outer lock on both keys, too', async () => {
      const gates = [new Gate(), new Gate()];
      await locks.using(['a', 'b'], async () => {
        const first = caught(chain(gates[0]!, ['a', 'b'], Infinity));
        const second = caught(chain(gates[1]!, ['b', 'a'], Infinity));
        await openInTurn(gates);
        await clock.advanceAndSettle(3 * UNAVAILABLE_AFTER);
        const outcomes = await Promise.all([first, second]);
        expect(outcomes.filter((one) => one === 'done')).toHaveLength(1);
        const told = outcomes.find((one) => one !== 'done');
        expect(told).toMatchObject({ code: 'LOCK_BUSY', reason: 'deadlock' });
      });
    });

    it('is not told while one of them will give up', async () => {
      const gates = [new Gate(), new Gate()];
      const first = chain(gates[0]!, ['a', 'b'], Infinity);
      const second = caught(chain(gates[1]!, ['b', 'a'], 4 * UNAVAILABLE_AFTER));
      await openInTurn(gates);
      await clock.advanceAndSettle(4 * UNAVAILABLE_AFTER);
      expect(await second).toMatchObject({ reason: 'deadlock' });
      expect(await first).toBe('done');
    });
  });

  describe('is not seen where there is none:', () => {
    it('siblings that share an outer lock wait for each other in turn', async () => {
      await locks.using('order', async () => {
        const work = Array.from({ length: 5 }, (_, i) =>
          locks.using('stock', () => locks.using('order', () => i)),
        );
        expect(await Promise.all(work)).toEqual([0, 1, 2, 3, 4]);
      });
    });

    it('two chains in one order', async () => {
      const gate = new Gate();
      const work = [chain(gate, ['a', 'b']), chain(gate, ['a', 'b']), chain(gate, ['a', 'b'])];
      await turn();
      gate.open();
      await Promise.all(work);
    });

    it('a holder who asks for nothing', async () => {
      const gate = new Gate();
      const holder = locks.using('a', () => gate.opened);
      await turn();
      const waiting = caught(locks.using('b', () => locks.using('a', () => 'never')));
      await clock.advanceAndSettle(WAIT);
      expect(await waiting).toMatchObject({ reason: 'held', key: 'a' });
      gate.open();
      await holder;
    });

    it('work that its holder does not await ends the ring by itself', async () => {
      const end = new Gate();
      let late: Promise<unknown> | undefined;
      const first = locks.using('a', async () => {
        late = locks.using('b', () => 'late');
        await end.opened;
        return 'did not wait';
      });
      const second = locks.using('b', () =>
        locks.using('a', { waitTime: 4 * WAIT }, () => 'second'),
      );
      await clock.advanceAndSettle(WAIT / 2);
      end.open();
      expect(await first).toBe('did not wait');
      expect(await second).toBe('second');
      expect(await late).toBe('late');
    });

    it('a short wait with a fallback ends the ring by itself', async () => {
      const gates = [new Gate(), new Gate()];
      const first = locks.using('a', async () => {
        await gates[0]!.opened;
        const b = await locks.tryAcquire('b', { waitTime: 50 });
        return b ? 'had it' : 'did without';
      });
      const second = chain(gates[1]!, ['b', 'a'], Infinity);
      await openInTurn(gates);
      await clock.advanceAndSettle(50);
      expect(await first).toBe('did without');
      expect(await second).toBe('done');
    });

    it('one who has given up', async () => {
      const [one, two] = [new Gate(), new Gate()];
      const first = locks.using('a', async () => {
        await one.opened;
        const error = await caught(locks.using('b', { waitTime: 100 }, () => 'never'));
        await two.opened;
        return error;
      });
      const second = locks.using('b', async () => {
        await two.opened;
        return locks.using('a', () => 'had it');
      });
      await turn();
      one.open();
      await clock.advanceAndSettle(200);
      two.open();
      expect(await first).toMatchObject({ reason: 'held' });
      expect(await second).toBe('had it');
    });

    it('Identity: the same keys of another service', async () => {
      const gates = [new Gate(), new Gate(), new Gate()];
      const stranger = others.using('a', () => gates[2]!.opened);
      const first = caught(chain(gates[0]!, ['a', 'b']));
      const second = locks.using('b', async () => {
        await gates[1]!.opened;
        return others.using('a', { waitTime: 10 * WAIT }, () => 'second');
      });
      await openInTurn(gates.slice(0, 2));
      await clock.advanceAndSettle(WAIT);
      expect(await first).toMatchObject({ reason: 'held' });
      gates[2]!.open();
      expect(await second).toBe('second');
      await stranger;
    });
  });

  it('10 000 callers who each hold a lock and wait for a hot one cost about what they cost without', async () => {
    const wait = { waitTime: 50 };
    const hot = await locks.acquire('hot', { maxHoldTime: Infinity });
    const rounds = async (one: (i: number) => Promise<unknown>): Promise<number> => {
      let best = Infinity;
      for (let round = 0; round < 3; round += 1) {
        const begun = performance.now();
        const all = Array.from({ length: 9_999 }, (_, i) => caught(one(i)));
        // Nobody is looked at in one turn who has not come to wait yet.
        await clock.advanceAndSettle(0);
        await clock.advanceAndSettle(50);
        const reasons = (await Promise.all(all)).map((error) => (error as LockBusyError).reason);
        expect(new Set(reasons)).toEqual(new Set(['held']));
        best = Math.min(best, performance.now() - begun);
      }
      return best;
    };
    const apart = await rounds(async (i) => {
      const own = await locks.acquire(`own:${String(i)}`);
      try {
        return await locks.acquire('hot', wait);
      } finally {
        await own.release();
      }
    });
    const inside = await rounds((i) =>
      locks.using(`own:${String(i)}`, () => locks.acquire('hot', wait)),
    );
    expect(inside).toBeLessThan(5 * apart);
    await hot.release();
  });
});
