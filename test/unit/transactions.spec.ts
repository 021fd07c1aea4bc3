import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LockBusyError, LockLostError, LockUsageError } from '../../lib/lock/lock.errors.js';
import type { LockEvent } from '../../lib/lock/lock-events.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { currentLock } from '../../lib/lock/queue/lock-context.js';
import type { TransactionPort } from '../../lib/lock/until.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { TransactionScope } from '../../lib/transactions/transaction-scope.js';
import { Gate, Stage } from '../support/gate.js';
import { ManualClock } from '../support/manual-clock.js';
import { watch } from '../support/until.js';

const KEY = 'order:1';
const caught = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('a lock in a transaction', () => {
  let clock: ManualClock;
  let store: MemoryStore;
  let locks: LockService;
  let scope: TransactionScope;
  let lostUnheard: LockLostError[];
  beforeEach(() => {
    clock = new ManualClock();
    store = new MemoryStore({ clock });
    scope = new TransactionScope();
    lostUnheard = [];
    locks = serviceWith([scope.port]);
  });
  afterEach(async () => {
    const closing = locks.close();
    await clock.advanceAndSettle(20_000);
    await closing;
    expect(clock.pending).toBe(0);
  });

  const serviceWith = (transactions: readonly TransactionPort[]): LockService =>
    new LockService({
      store,
      clock,
      transactions,
      leaseTime: 3_000,
      waitTime: 1_000,
      lostUnheard: (error) => void lostUnheard.push(error),
    });
  const isFree = async (key = KEY): Promise<boolean> =>
    (await store.inspect(key)).holders.length === 0;
  const nothing = (): undefined => undefined;
  const turn = (): Promise<void> => clock.advanceAndSettle(0);

  /** What the channels of locks tell while `work` runs. */
  async function eventsOf(work: () => Promise<unknown>): Promise<string[]> {
    const told: string[] = [];
    const names = ['acquire:start', 'acquire:granted', 'release', 'lost'];
    const listeners = names.map((name) => {
      const listener = (event: unknown): void =>
        void told.push(`${name} ${(event as LockEvent).key}`);
      subscribe(`nest-locked:${name}`, listener);
      return () => unsubscribe(`nest-locked:${name}`, listener);
    });
    await work();
    for (const stop of listeners) stop();
    return told;
  }

  describe('is given back', () => {
    it('when the transaction has committed', async () => {
      await scope.run(async () => {
        await locks.using(KEY, nothing);
        expect(await isFree()).toBe(false);
      });
      expect(await isFree()).toBe(true);
    });

    it('when the transaction has rolled back', async () => {
      const run = scope.run(async () => {
        await locks.using(KEY, nothing);
        throw new Error('on purpose');
      });
      await expect(run).rejects.toThrow('on purpose');
      expect(await isFree()).toBe(true);
    });

    it('when the transaction has ended, though its method failed and the error was caught', async () => {
      await scope.run(async () => {
        await caught(locks.using(KEY, () => Promise.reject(new Error('half written'))));
        expect(await isFree()).toBe(false);
      });
      expect(await isFree()).toBe(true);
    });

    it('when its transaction has ended, not the one around that', async () => {
      await scope.run(async () => {
        await scope.run(async () => {
          await locks.using(KEY, nothing);
          expect(await isFree()).toBe(false);
        });
        expect(await isFree()).toBe(true);
      });
    });

    it('when the last has ended of several that are active on different databases', async () => {
      const other = new TransactionScope();
      const service = serviceWith([scope.port, other.port]);
      const first = new Gate();
      await other.run(async () => {
        const inner = scope.run(async () => {
          await service.using(KEY, nothing);
          await first.opened;
        });
        first.open();
        await inner;
        expect(await isFree()).toBe(false);
        expect(await service.using(KEY, { waitTime: 0 }, () => 'mine')).toBe('mine');
      });
      expect(await isFree()).toBe(true);
    });

    it('when its method ends, with until: method', async () => {
      await scope.run(async () => {
        await locks.using(KEY, { until: 'method' }, nothing);
        expect(await isFree()).toBe(true);
      });
    });

    it('when its method ends, in work that outlives the transaction', async () => {
      const stage = new Stage();
      let late: Promise<unknown> = Promise.resolve();
      await scope.run(async () => {
        late = stage.pause().then(() => locks.using(KEY, nothing));
        await stage.entered;
      });
      stage.goOn();
      await late;
      expect(await isFree()).toBe(true);
    });

    it('when work that was not awaited has ended, and not with the transaction', async () => {
      const stage = new Stage();
      let late: Promise<unknown> = Promise.resolve();
      await scope.run(async () => {
        late = locks.using(KEY, () => stage.pause());
        await stage.entered;
      });
      expect(await isFree()).toBe(false);
      stage.goOn();
      await late;
      await turn();
      expect(await isFree()).toBe(true);
    });

    it('at the end of the transaction when it was resumed from a ticket in it', async () => {
      const ticket = await (await locks.acquire(KEY)).handOff();
      await scope.run(async () => {
        const lock = await locks.resume(ticket);
        expect(await lock.release()).toBe(true);
        expect(await isFree()).toBe(false);
      });
      expect(await isFree()).toBe(true);
    });
  });

  describe('of several keys', () => {
    it('is kept whole', async () => {
      await scope.run(async () => {
        await locks.using(['a', 'b'], nothing);
        expect([await isFree('a'), await isFree('b')]).toEqual([false, false]);
      });
      expect([await isFree('a'), await isFree('b')]).toEqual([true, true]);
    });

    it('leaves nothing behind when it was not to be had whole', async () => {
      const other = await locks.acquire('b');
      await scope.run(async () => {
        const busy = caught(locks.using(['a', 'b', 'c'], { waitTime: 0 }, nothing));
        expect(await busy).toBeInstanceOf(LockBusyError);
        await turn();
        expect([await isFree('a'), await isFree('c')]).toEqual([true, true]);
      });
      await other.release();
    });
  });

  describe('that the same transaction asks for again', () => {
    it('does not wait for itself', async () => {
      await scope.run(async () => {
        await locks.using(KEY, nothing);
        expect(await locks.using(KEY, { waitTime: 0 }, () => 'again')).toBe('again');
        const lock = await locks.tryAcquire(KEY);
        expect(lock?.isHeld()).toBe(true);
        await lock?.release();
        const shortly = { until: 'method', waitTime: 0 } as const;
        expect(await locks.using(KEY, shortly, () => 'for a while')).toBe('for a while');
        expect(await isFree()).toBe(false);
        expect(await locks.using([KEY, 'b'], { waitTime: 0 }, () => 'with others')).toBe(
          'with others',
        );
      });
      expect([await isFree(), await isFree('b')]).toEqual([true, true]);
    });

    it('is had one after the other by those who ask at once', async () => {
      let inside = 0;
      await scope.run(async () => {
        const work = async (): Promise<void> => {
          expect((inside += 1)).toBe(1);
          await turn();
          inside -= 1;
        };
        const all = [1, 2, 3].map(() => locks.using(KEY, work));
        await Promise.all([...all, locks.using([KEY, 'b'], work)]);
        expect(await isFree()).toBe(false);
      });
      expect(await isFree()).toBe(true);
    });

    it('goes to it before those of other transactions who waited longer', async () => {
      const stage = new Stage();
      const order: string[] = [];
      const takes = (who: string, more = {}): Promise<unknown> =>
        locks.using(KEY, more, () => void order.push(who));
      const holder = locks.using(KEY, () => stage.pause());
      await stage.entered;
      const begun = new Gate();
      const mine = scope.run(async () => {
        const first = takes('mine, first');
        await begun.opened;
        const last = takes('mine, last', { until: 'method' });
        await turn();
        stage.goOn();
        await Promise.all([first, last, takes('mine, then')]);
      });
      await turn();
      const stranger = takes('stranger');
      await turn();
      begun.open();
      await Promise.all([holder, mine, stranger]);
      expect(order).toEqual(['mine, first', 'mine, last', 'mine, then', 'stranger']);
    });

    it('is shared by all of it that read, and cannot be upgraded', async () => {
      await scope.run(async () => {
        const both = new Gate();
        let inside = 0;
        const read = async (): Promise<void> => {
          if ((inside += 1) === 2) both.open();
          await both.opened;
        };
        const shared = { mode: 'shared' } as const;
        await Promise.all([locks.using(KEY, shared, read), locks.using(KEY, shared, read)]);
        await expect(locks.using(KEY, nothing)).rejects.toThrow('A lock cannot be upgraded');
      });
      expect(await isFree()).toBe(true);
    });

    it('keeps the others out meanwhile', async () => {
      const stage = new Stage();
      const mine = scope.run(async () => {
        await locks.using(KEY, nothing);
        await stage.pause();
      });
      await stage.entered;
      const other = watch(scope.run(() => locks.using(KEY, () => 'theirs')));
      await clock.advanceAndSettle(500);
      expect(other.settled).toBe(false);
      stage.goOn();
      await mine;
      await turn();
      expect(other.value).toBe('theirs');
    });
  });

  it('is part of a deadlock of two transactions, and it is told', async () => {
    const gates = [new Gate(), new Gate()];
    const chain = (gate: Gate, first: string, next: string): Promise<unknown> =>
      scope.run(async () => {
        await locks.using(first, nothing);
        await gate.opened;
        return locks.using(next, () => 'done');
      });
    const first = caught(chain(gates[0]!, 'a', 'b'));
    const second = chain(gates[1]!, 'b', 'a');
    await turn();
    gates[0]!.open();
    await clock.advanceAndSettle(10);
    gates[1]!.open();
    await clock.advanceAndSettle(1_000);
    expect(await first).toMatchObject({ code: 'LOCK_BUSY', reason: 'deadlock' });
    expect(await second).toBe('done');
  });

  it('tells once that it was granted, and that it is released when it is', async () => {
    let inside: string[] = [];
    const all = await eventsOf(() =>
      scope.run(async () => {
        inside = await eventsOf(() => locks.using(KEY, nothing));
      }),
    );
    expect(inside).toEqual([`acquire:start ${KEY}`, `acquire:granted ${KEY}`]);
    expect(all).toEqual([...inside, `release ${KEY}`]);
  });

  it('is the current lock of its work, with its token', async () => {
    await scope.run(async () => {
      const first = await locks.using(KEY, (lock) => {
        expect(currentLock()).toBe(lock);
        return lock.token;
      });
      expect(first).toBeGreaterThan(0);
      expect(() => currentLock()).toThrow(LockUsageError);
      await locks.using('b', () => {
        expect(currentLock().key).toBe('b');
      });
    });
  });

  describe('as a handle', () => {
    it('ends with its release, or its block, and the key stays', async () => {
      await scope.run(async () => {
        {
          await using lock = await locks.acquire(KEY);
          expect(lock.isHeld()).toBe(true);
        }
        const lock = await locks.acquire(KEY, { waitTime: 0 });
        expect(await lock.release()).toBe(true);
        expect(lock.isHeld()).toBe(false);
        expect(await isFree()).toBe(false);
      });
      expect(await isFree()).toBe(true);
    });

    it('is not handed off or downgraded, and says how it could be', async () => {
      await scope.run(async () => {
        const lock = await locks.acquire(KEY);
        const how = 'is kept until its transaction has ended, and cannot be';
        await expect(lock.handOff()).rejects.toThrow(
          `${how} handed off: take it with until: 'method'`,
        );
        await expect(lock.downgrade()).rejects.toThrow(`${how} downgraded from exclusive`);
        await lock.extend();
        await lock.release();
      });
      await scope.run(async () => {
        const lock = await locks.acquire(KEY, { until: 'method' });
        await lock.downgrade();
        await lock.release();
      });
    });
  });

  describe('No silent loss:', () => {
    const lose = async (): Promise<void> => {
      await store.forceRelease(KEY);
      await clock.advanceAndSettle(3_000);
    };

    it('one before the commit makes a transaction fail that asks', async () => {
      let committed = false;
      const run = scope.run(async (assertHeld) => {
        await locks.using(KEY, nothing);
        await lose();
        assertHeld();
        committed = true;
      });
      await expect(run).rejects.toBeInstanceOf(LockLostError);
      expect(committed).toBe(false);
    });

    it('one that comes out at the end rejects the run, and is told of', async () => {
      const run = scope.run(async () => {
        await locks.using(KEY, nothing);
        await store.forceRelease(KEY);
      });
      await expect(run).rejects.toBeInstanceOf(LockLostError);
      expect(lostUnheard).toEqual([expect.any(LockLostError)]);
    });

    it('one is told of where the port hears of nothing, and rejects nobody', async () => {
      let end: () => Promise<void> = () => Promise.resolve();
      const transaction = {};
      const service = serviceWith([(given) => ((end = given), transaction)]);
      await service.using(KEY, nothing);
      await store.forceRelease(KEY);
      void end();
      await turn();
      expect(lostUnheard.map(({ key }) => key)).toEqual([KEY]);
    });

    it('one rejects the work that it finds, as elsewhere', async () => {
      const run = scope.run(() => locks.using(KEY, () => lose()));
      await expect(run).rejects.toBeInstanceOf(LockLostError);
    });

    it('the error of a transaction that failed comes out, whatever was lost', async () => {
      const run = scope.run(async () => {
        await locks.using(KEY, nothing);
        await lose();
        throw new Error('its own');
      });
      await expect(run).rejects.toThrow('its own');
    });
  });

  describe('whose end is never told', () => {
    const never: TransactionPort = () => endless;
    const endless = {};

    it('is held for ten minutes at most, and then lost', async () => {
      const service = serviceWith([never]);
      const told = await eventsOf(async () => {
        await service.using(KEY, nothing);
        await clock.advanceAndSettle(599_000);
        expect(await isFree()).toBe(false);
        await clock.advanceAndSettle(1_000);
        expect(await isFree()).toBe(true);
      });
      expect(told).toContain(`lost ${KEY}`);
    });

    it('is held for its maxHoldTime where it has one', async () => {
      const service = serviceWith([never]);
      await service.using(KEY, { maxHoldTime: 5_000 }, nothing);
      await clock.advanceAndSettle(5_000);
      expect(await isFree()).toBe(true);
    });
  });

  it('is waited for at shutdown', async () => {
    const stage = new Stage();
    const run = scope.run(async () => {
      await locks.using(KEY, nothing);
      await stage.pause();
      return locks.using(KEY, () => 'still');
    });
    await stage.entered;
    const closing = watch(locks.close());
    await clock.advanceAndSettle(5_000);
    expect(closing.settled).toBe(false);
    stage.goOn();
    expect(await run).toBe('still');
    await turn();
    expect(closing.settled).toBe(true);
  });

  describe('is refused', () => {
    it('with until: transaction where none is active', async () => {
      await expect(locks.using(KEY, { until: 'transaction' }, nothing)).rejects.toThrow(
        `until: 'transaction' was asked for "${KEY}", and no transaction is active here`,
      );
      await expect(serviceWith([]).acquire(KEY, { until: 'transaction' })).rejects.toThrow(
        'the module was told of none: give it `transactions`',
      );
      await expect(locks.acquireAll(['a'], { until: 'transaction' })).rejects.toThrow(
        LockUsageError,
      );
    });

    it('with until: handler where there is none', async () => {
      await expect(locks.using(KEY, { until: 'handler' }, nothing)).rejects.toThrow(
        `until: 'handler' was asked for "${KEY}", and no request handler runs here`,
      );
    });

    it('with another until', async () => {
      await expect(locks.using(KEY, { until: 'commit' as 'method' }, nothing)).rejects.toThrow(
        "until must be 'method', 'transaction' or 'handler', received 'commit'",
      );
    });

    it('when a port gives something that is no transaction', async () => {
      const service = serviceWith([(() => true) as unknown as TransactionPort]);
      await expect(service.using(KEY, nothing)).rejects.toThrow(
        'returns an object that stands for the transaction, or undefined, received true',
      );
    });
  });
});
