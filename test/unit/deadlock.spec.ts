import { LockBusyError, LockUsageError } from '../../lib/lock/lock.errors.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { Gate } from '../support/gate.js';
import { ManualClock } from '../support/manual-clock.js';

const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('a deadlock between nested chains', () => {
  let clock: ManualClock;
  let locks: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    const store = new MemoryStore({ clock });
    locks = new LockService({ store, clock, leaseTime: 3_000, waitTime: 1_000 });
  });
  afterEach(async () => {
    const closing = locks.close();
    await clock.advanceAndSettle(20_000);
    await closing;
    expect(clock.pending).toBe(0);
  });

  const turn = (): Promise<void> => clock.advanceAndSettle(0);

  /** Holds the first key, waits for the gate, then asks for the next, and so on. */
  function chain(gate: Gate, [key, ...rest]: string[]): Promise<unknown> {
    return locks.using(key!, async () => {
      await gate.opened;
      if (rest.length > 0) await locks.using(rest[0]!, () => undefined);
    });
  }

  it('of two is refused to the one who would close the ring, with the chain', async () => {
    const [one, two] = [new Gate(), new Gate()];
    const first = chain(one, ['a', 'b']);
    const second = caught(chain(two, ['b', 'a']));
    await turn();
    one.open();
    await turn();
    two.open();
    const error = await second;
    expect(error).toBeInstanceOf(LockUsageError);
    expect((error as Error).message).toBe(
      'deadlock: holding "b" and asking for "a" → "b"; take the locks in one order, or at once as a list',
    );
    // The other one goes on at once: the refused one has let go.
    await first;
  });

  it('of three is refused, with the whole chain', async () => {
    const gates = [new Gate(), new Gate(), new Gate()];
    const first = chain(gates[0]!, ['a', 'b']);
    const second = chain(gates[1]!, ['b', 'c']);
    const third = caught(chain(gates[2]!, ['c', 'a']));
    await turn();
    for (const gate of gates) {
      gate.open();
      await turn();
    }
    expect(((await third) as Error).message).toContain('"a" → "b" → "c"');
    await Promise.all([first, second]);
  });

  it('is seen from any depth of nesting', async () => {
    const [one, two] = [new Gate(), new Gate()];
    const deep = (gate: Gate, outer: string, inner: string, wanted: string): Promise<unknown> =>
      locks.using(outer, () => locks.using(inner, () => chain(gate, [`${outer}:leaf`, wanted])));
    const first = deep(one, 'a', 'x', 'b');
    const second = caught(deep(two, 'b', 'y', 'a'));
    await turn();
    one.open();
    await turn();
    two.open();
    expect(await second).toBeInstanceOf(LockUsageError);
    await first;
  });

  it('between siblings inside one outer lock is refused as well', async () => {
    const [one, two] = [new Gate(), new Gate()];
    await locks.using('order', async () => {
      const first = chain(one, ['a', 'b']);
      const second = caught(chain(two, ['b', 'a']));
      await turn();
      one.open();
      await turn();
      two.open();
      expect(await second).toBeInstanceOf(LockUsageError);
      await first;
    });
  });

  it('through a lock that is taken again inside the outer one is refused', async () => {
    const [one, two] = [new Gate(), new Gate()];
    await locks.using('order', async () => {
      const first = chain(one, ['a', 'order']);
      const second = caught(chain(two, ['order', 'a']));
      await turn();
      one.open();
      await turn();
      two.open();
      expect(await second).toBeInstanceOf(LockUsageError);
      await first;
    });
  });

  it('with one who takes a list is refused', async () => {
    const gate = new Gate();
    const first = caught(
      locks.using('b', async () => {
        await gate.opened;
        await locks.using('a', () => undefined);
      }),
    );
    await turn();
    const list = locks.using(['a', 'b'], () => 'both');
    await turn();
    gate.open();
    expect(await first).toBeInstanceOf(LockUsageError);
    expect(await list).toBe('both');
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

    it('a third sibling has the outer key, and will let go of it', async () => {
      const [third, first] = [new Gate(), new Gate()];
      await locks.using('order', async () => {
        // Has the key from within, and asks for nothing.
        const busy = locks.using('order', () => third.opened);
        // Has the stock, and waits for that one.
        const waiting = locks.using('stock', async () => {
          await first.opened;
          return locks.using('order', () => 'waited');
        });
        await turn();
        first.open();
        await turn();
        // Waits for the stock, and holds nothing that anybody waits for.
        const newcomer = locks.using('stock', () => 'in turn');
        await turn();
        third.open();
        await busy;
        expect(await waiting).toBe('waited');
        expect(await newcomer).toBe('in turn');
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
      const waiting = locks.using('b', () => locks.using('a', () => 'had it'));
      await turn();
      gate.open();
      expect(await waiting).toBe('had it');
      await holder;
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
      expect(await first).toBeInstanceOf(LockBusyError);
      expect(await second).toBe('had it');
    });
  });
});
