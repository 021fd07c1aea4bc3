import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { currentFrame, currentLock } from '../../lib/lock/queue/lock-context.js';
import { LockBusyError, LockLostError, LockUsageError } from '../../lib/lock/lock.errors.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { Callers } from '../support/callers.js';
import { Gate, Stage } from '../support/gate.js';
import { ManualClock } from '../support/manual-clock.js';

describe('nesting', () => {
  let clock: ManualClock;
  let store: MemoryStore;
  let locks: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    store = new MemoryStore({ clock });
    locks = new LockService({ store, clock, leaseTime: 3_000, waitTime: 1_000 });
  });
  afterEach(async () => {
    await locks.close();
  });

  const isFree = async (key: string): Promise<boolean> =>
    (await store.inspect(key)).holders.length === 0;

  it('a lock taken again inside itself does not wait for itself', async () => {
    const token = await locks.using('order:1', (outer) =>
      locks.using('order:1', { waitTime: 0 }, (inner) =>
        locks.using('order:1', { waitTime: 0 }, (innermost) => {
          expect(inner).not.toBe(outer);
          expect(currentLock()).toBe(innermost);
          return innermost.token;
        }),
      ),
    );
    expect(token).toBeGreaterThan(0);
    expect(await isFree('order:1')).toBe(true);
  });

  it('who asks while the lock around it changes is told of once', async () => {
    const asked: unknown[] = [];
    const onStart = (event: unknown): void => void asked.push(event);
    const lock = await locks.acquire('order:1');
    subscribe('nest-locked:acquire:start', onStart);
    try {
      const changed = lock.downgrade();
      const inner = await lock.run(() => locks.acquire('order:1', { mode: 'shared' }));
      await changed;
      expect(asked).toMatchObject([{ key: 'order:1' }]);
      await inner.release();
    } finally {
      unsubscribe('nest-locked:acquire:start', onStart);
    }
    await lock.release();
  });

  it('the key is held until the outermost ends', async () => {
    await locks.using('order:1', async () => {
      await locks.using('order:1', () => undefined);
      expect(await isFree('order:1')).toBe(false);
      expect(await new Callers(store).tryTake('order:1')).toBeNull();
    });
    expect(await isFree('order:1')).toBe(true);
  });

  it('is by key, and finds each lock around it', async () => {
    await locks.using('a', (a) =>
      locks.using('b', (b) =>
        locks.using(['c', 'd'], async () => {
          expect(currentLock('a')).toBe(a);
          expect(currentLock('b')).toBe(b);
          expect(currentLock().key).toBe('d');
          await locks.using('a', { waitTime: 0 }, () => undefined);
          await locks.using('c', { waitTime: 0 }, () => undefined);
          expect(() => currentLock('e')).toThrow(LockUsageError);
        }),
      ),
    );
    expect(() => currentLock()).toThrow(LockUsageError);
  });

  it('Exclusion: siblings exclude each other, in order of arrival', async () => {
    const steps: string[] = [];
    const sibling = (name: string): Promise<void> =>
      locks.using('order:1', async () => {
        steps.push(`${name} in`);
        await new Promise((resolve) => setImmediate(resolve));
        steps.push(`${name} out`);
      });
    await locks.using('order:1', () => Promise.all([sibling('one'), sibling('two')]));
    expect(steps).toEqual(['one in', 'one out', 'two in', 'two out']);
  });

  it('siblings two levels down exclude each other as well', async () => {
    let inside = 0;
    const leaf = (): Promise<void> =>
      locks.using('order:1', async () => {
        inside += 1;
        expect(inside).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        inside -= 1;
      });
    const branch = (): Promise<unknown> =>
      locks.using('order:1', () => Promise.all([leaf(), leaf(), leaf()]));
    await locks.using('order:1', () => Promise.all([branch(), branch()]));
    expect(await isFree('order:1')).toBe(true);
  });

  it('a sibling that waits too long is told who is in its way', async () => {
    const stage = new Stage();
    await locks.using('order:1', async () => {
      const first = locks.using('order:1', () => stage.pause());
      await stage.entered;
      const second = locks.using('order:1', { waitTime: 100 }, () => 'never');
      const caught = second.catch((error: unknown) => error);
      await clock.advanceAndSettle(100);
      expect(await caught).toMatchObject({
        code: 'LOCK_BUSY',
        holder: expect.stringContaining(`:${String(process.pid)}`) as string,
      });
      expect(await locks.tryAcquire('order:1')).toBeNull();
      stage.goOn();
      await first;
    });
  });

  it('a waiting sibling can be called off, and the next has its turn', async () => {
    const stage = new Stage();
    const abort = new AbortController();
    await locks.using('order:1', async () => {
      const first = locks.using('order:1', () => stage.pause());
      await stage.entered;
      const second = locks.using('order:1', { signal: abort.signal }, () => 'never');
      const third = locks.using('order:1', () => 'third');
      abort.abort();
      await expect(second).rejects.toMatchObject({ code: 'LOCK_ABORTED' });
      stage.goOn();
      await first;
      expect(await third).toBe('third');
    });
  });

  it('an error inside comes out and lets the next sibling in', async () => {
    const failure = new Error('of its own');
    await locks.using('order:1', async () => {
      const caught = locks.using('order:1', () => Promise.reject(failure)).catch((e: unknown) => e);
      const next = locks.using('order:1', () => 'next');
      expect(await caught).toBe(failure);
      expect(await next).toBe('next');
    });
  });

  it('work that outlives the lock acquires anew', async () => {
    const ended = new Gate();
    let late: Promise<number> | undefined;
    const token = await locks.using('order:1', (lock) => {
      late = (async () => {
        await ended.opened;
        expect(() => currentLock()).toThrow(LockUsageError);
        return locks.using('order:1', (own) => {
          expect(currentLock()).toBe(own);
          return own.token;
        });
      })();
      return lock.token;
    });
    // Somebody else has it by now: the late work has to wait for them.
    const other = await locks.acquire('order:1');
    ended.open();
    await clock.advanceAndSettle(10);
    expect(await store.inspect('order:1')).toMatchObject({ waiting: 1 });
    await other.release();
    expect(await late).toBeGreaterThan(other.token);
    expect(other.token).toBeGreaterThan(token);
  });

  it('a nested hold that nobody awaits keeps the key until it ends', async () => {
    const stage = new Stage();
    let nested: Promise<void> | undefined;
    await locks.using('order:1', async () => {
      nested = locks.using('order:1', () => stage.pause());
      await stage.entered;
    });
    expect(await isFree('order:1')).toBe(false);
    expect(await locks.tryAcquire('order:1')).toBeNull();
    // It is renewed meanwhile, as any other.
    await clock.advanceAndSettle(10_000);
    expect(await isFree('order:1')).toBe(false);
    stage.goOn();
    await nested;
    await clock.advanceAndSettle(0);
    expect(await isFree('order:1')).toBe(true);
  });

  it('so does a whole queue of them', async () => {
    const stages = [new Stage(), new Stage()];
    let nested: Promise<unknown> | undefined;
    await locks.using('order:1', async () => {
      nested = Promise.all(stages.map((stage) => locks.using('order:1', () => stage.pause())));
      await stages[0]!.entered;
    });
    stages[0]!.goOn();
    await stages[1]!.entered;
    expect(await isFree('order:1')).toBe(false);
    stages[1]!.goOn();
    await nested;
    await clock.advanceAndSettle(0);
    expect(await isFree('order:1')).toBe(true);
  });

  it('No silent loss: when the outer lock is lost, all that is nested in it is', async () => {
    const stage = new Stage();
    const outcome = locks.using('order:1', async (outer) => {
      const inner = locks.using('order:1', async (lock) => {
        await stage.pause();
        return lock.signal.aborted;
      });
      const waiting = locks.using('order:1', () => 'never').catch((error: unknown) => error);
      await stage.entered;
      await store.forceRelease('order:1');
      await expect(outer.extend()).rejects.toThrow(LockLostError);
      expect(await waiting).toBeInstanceOf(LockLostError);
      await expect(locks.acquire('order:1')).rejects.toThrow(LockLostError);
      stage.goOn();
      await expect(inner).rejects.toThrow(LockLostError);
    });
    await expect(outcome).rejects.toThrow(LockLostError);
    expect(await isFree('order:1')).toBe(true);
  });

  it('a handle inside a scope on its key ends with its maxHoldTime, and the next has its turn', async () => {
    await locks.using('order:1', async (outer) => {
      const handle = await locks.acquire('order:1', { maxHoldTime: 500 });
      const { signal } = handle;
      const next = locks.using('order:1', { waitTime: 10_000 }, () => 'next');
      await clock.advanceAndSettle(500);
      expect(signal.reason).toMatchObject({
        code: 'LOCK_LOST',
        detail: expect.stringContaining('maxHoldTime') as string,
      });
      expect(handle.isHeld()).toBe(false);
      expect(await next).toBe('next');
      expect(outer.isHeld()).toBe(true);
      expect(await handle.release()).toBe(false);
    });
    expect(await isFree('order:1')).toBe(true);
  });

  it('a forgotten handle inside a scope does not keep the key once its maxHoldTime has passed', async () => {
    await locks.using('order:1', async () => {
      await locks.acquire('order:1', { maxHoldTime: 500 });
    });
    expect(await isFree('order:1')).toBe(false);
    await clock.advanceAndSettle(500);
    expect(await isFree('order:1')).toBe(true);
  });

  it('work run by a handle stands in it: it does not wait for itself there', async () => {
    const handle = await locks.acquire('order:1');
    expect(() => locks.currentLock()).toThrow(LockUsageError);
    const token = await handle.run(async () => {
      expect(locks.currentLock()).toBe(handle);
      expect(currentLock('order:1')).toBe(handle);
      return locks.using('order:1', { waitTime: 0 }, (inner) => inner.token);
    });
    expect(token).toBe(handle.token);
    expect(handle.run(() => 'as it is')).toBe('as it is');
    await handle.release();
    expect(await isFree('order:1')).toBe(true);
  });

  it('work run by a handle taken again inside a scope does not wait for itself', async () => {
    await locks.using('order:1', async () => {
      const handle = await locks.acquire('order:1');
      await handle.run(() => locks.using('order:1', { waitTime: 0 }, () => undefined));
      await handle.release();
    });
    expect(await isFree('order:1')).toBe(true);
  });

  it('work run by one lock of a list stands in all of them', async () => {
    const [a, b] = (await locks.acquireAll(['b', 'a'])).locks;
    await a!.run(async () => {
      expect(locks.currentLock('b')).toBe(b);
      await locks.using('b', { waitTime: 0 }, () => undefined);
    });
    await Promise.all([a!.release(), b!.release()]);
  });

  it('a handle is known to nobody but its owner', async () => {
    const handle = await locks.acquire('order:1');
    await expect(locks.acquire('order:1', { waitTime: 0 })).rejects.toThrow(LockBusyError);
    await handle.release();
  });

  it('shutting down, work that runs may still nest in what it holds', async () => {
    const stage = new Stage();
    const work = locks.using('order:1', async () => {
      await stage.pause();
      return locks.using('order:1', () => 'done');
    });
    await stage.entered;
    const closing = locks.close();
    stage.goOn();
    expect(await work).toBe('done');
    await closing;
  });

  describe('the memory of a chain', () => {
    const depth = (): number => {
      let length = 0;
      for (let frame = currentFrame(); frame; frame = frame.outer) length += 1;
      return length;
    };

    it('work that starts its successor keeps no lock that has ended', async () => {
      const depths: number[] = [];
      const done = new Gate();
      // As a poll that sets its own next timer does.
      const turn = (left: number): Promise<void> =>
        locks.using('poll', () => {
          depths.push(depth());
          setImmediate(left === 0 ? done.open : () => void turn(left - 1));
        });
      await turn(10);
      await done.opened;
      expect(new Set(depths)).toEqual(new Set([1]));
    });

    it('nor does a relay, whose runners start each other before they end', async () => {
      const depths: number[] = [];
      const done = new Gate();
      const run = (left: number, begun: Gate): Promise<void> =>
        locks.using(`leg:${String(left)}`, async () => {
          depths.push(depth());
          begun.open();
          if (left === 0) {
            done.open();
            return;
          }
          const next = new Gate();
          void run(left - 1, next);
          await next.opened;
        });
      await run(20, new Gate());
      await done.opened;
      expect(Math.max(...depths)).toBe(2);
    });

    it('keeps the locks around it that are still held', async () => {
      await locks.using('a', () =>
        locks.using('b', () => locks.using('c', () => expect(depth()).toBe(3))),
      );
    });
  });
});
