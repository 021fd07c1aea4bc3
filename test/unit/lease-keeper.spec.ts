import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  LockLostError,
  LockRefusedError,
  LockUnavailableError,
} from '../../lib/lock/lock.errors.js';
import type { LockEvent } from '../../lib/lock/lock-events.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { StoreUnavailableError } from '../../lib/stores/lock-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { SilentStore, type AskedRenewal } from '../support/silent-store.js';

describe('the lease keeper', () => {
  let clock: ManualClock;
  let store: SilentStore;
  let locks: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    store = new SilentStore(clock);
    locks = new LockService({ store, clock, leaseTime: 3_000, waitTime: 1_000 });
  });

  /** The only renewal that has not been looked at yet. */
  function renewal(): AskedRenewal {
    expect(store.renewals).toHaveLength(1);
    return store.renewals.shift()!;
  }

  it('renews after a third of what is left, again and again, with one timer', async () => {
    const lock = await locks.acquire('order:1');
    for (let turn = 0; turn < 20; turn += 1) {
      await clock.advanceAndSettle(1_000);
      expect(clock.pending).toBe(1);
      renewal().answer();
    }
    await clock.advanceAndSettle(0);
    expect(lock.isHeld()).toBe(true);
    await lock.release();
    await clock.advanceAndSettle(10_000);
    expect(store.renewals).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('renews nothing behind what a hand-off has asked for, and goes on when that fails', async () => {
    const lock = await locks.acquire('order:1');
    await clock.advanceAndSettle(500);
    const leaving = lock.handOff({ leaseTime: 60_000 });
    const asked = renewal();
    expect(asked.leaseTime).toBe(60_000);
    // A third of the lease has passed.
    await clock.advanceAndSettle(1_500);
    expect(store.renewals).toEqual([]);

    asked.fail();
    await expect(leaving).rejects.toBeInstanceOf(LockUnavailableError);
    await clock.advanceAndSettle(500);
    expect(renewal().leaseTime).toBe(3_000);
    expect(lock.isHeld()).toBe(true);
  });

  it('renews together what is due together', async () => {
    for (let i = 0; i < 100; i += 1) await locks.acquire(`order:${String(i)}`);
    await clock.advanceAndSettle(1_000);
    expect(store.calls).toEqual([100]);
  });

  it('one lease that gets no answer does not hold up the renewal of another', async () => {
    const sick = await locks.acquire('sick');
    const well = await locks.acquire('well');
    for (let turn = 0; turn < 6; turn += 1) {
      await clock.advanceAndSettle(990);
      for (const one of store.renewals.splice(0)) if (one.key === 'well') one.answer();
    }
    await clock.advanceAndSettle(0);
    expect(well.isHeld()).toBe(true);
    expect(sick.isHeld()).toBe(false);
  });

  it('tries a failed renewal again with time to spare, and says `suspect` once', async () => {
    const suspects: LockEvent[] = [];
    const onSuspect = (event: unknown): void => void suspects.push(event as LockEvent);
    subscribe('nest-locked:suspect', onSuspect);
    try {
      const lock = await locks.acquire('order:1');
      await clock.advanceAndSettle(1_000);
      renewal().fail();
      await clock.advanceAndSettle(400);
      renewal().fail();
      await clock.advanceAndSettle(400);
      renewal().answer();
      await clock.advanceAndSettle(0);
      expect(suspects).toMatchObject([{ key: 'order:1', token: 7, error: { message: 'gone' } }]);
      expect(lock.isHeld()).toBe(true);
      expect(lock.signal.aborted).toBe(false);

      // Once more after it went well in between.
      await clock.advanceAndSettle(1_000);
      renewal().fail();
      await clock.advanceAndSettle(0);
      expect(suspects).toHaveLength(2);
    } finally {
      unsubscribe('nest-locked:suspect', onSuspect);
    }
  });

  it('tries a failing store ever less than two dozen times a lease', async () => {
    const lock = await locks.acquire('order:1', { leaseTime: 50 });
    let tries = 0;
    for (let ms = 0; ms < 200; ms += 1) {
      await clock.advanceAndSettle(1);
      for (const one of store.renewals.splice(0)) {
        tries += 1;
        one.fail();
      }
    }
    expect(lock.isHeld()).toBe(false);
    expect(tries).toBeLessThan(24);
  });

  it('No silent loss: a renewal that hangs aborts the signal before the lease can have ended', async () => {
    const granted = clock.mono();
    const lock = await locks.acquire('order:1');
    let abortedAt = Infinity;
    lock.signal.addEventListener('abort', () => (abortedAt = clock.mono()));
    await clock.advanceAndSettle(10_000);
    expect(abortedAt).toBeLessThan(granted + 3_000);
    expect(abortedAt).toBeGreaterThan(granted + 2_900);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  });

  it('No silent loss: the signal aborts at once when the lock is not ours any more', async () => {
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    await clock.advanceAndSettle(1_000);
    renewal().answer(null);
    await clock.advanceAndSettle(0);
    expect(signal.aborted).toBe(true);
    expect(() => lock.assertHeld()).toThrow(LockLostError);
  });

  it('believes the earlier of two clocks', async () => {
    const slept = await locks.acquire('slept');
    clock.stepWall(3_000);
    expect(slept.isHeld()).toBe(false);
    const stepped = await locks.acquire('stepped');
    clock.stepWall(-3_600_000);
    expect(stepped.isHeld()).toBe(true);
    clock.stepMono(3_000);
    expect(stepped.isHeld()).toBe(false);
  });

  it('No silent loss: a validity that was over when its renewal was answered has ended', async () => {
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    await clock.advanceAndSettle(1_000);
    // The loop is blocked; then the answer is read before any timer has run.
    clock.stepMono(3_500);
    renewal().answer();
    await Promise.resolve();
    await Promise.resolve();
    expect(signal.aborted).toBe(true);
  });

  it('maxHoldTime is an upper bound: the last renewal is cut to it, and then the lock is given back', async () => {
    const end = clock.mono() + 2_500;
    const lock = await locks.acquire('order:1', { maxHoldTime: 2_500 });
    const { signal } = lock;
    let abortedAt = Infinity;
    signal.addEventListener('abort', () => (abortedAt = clock.mono()));
    for (let ms = 0; ms < 9_000; ms += 50) {
      await clock.advanceAndSettle(50);
      for (const one of store.renewals.splice(0)) {
        expect(one.sent.mono + one.leaseTime).toBeLessThanOrEqual(end);
        one.answer();
      }
    }
    expect(abortedAt).toBeLessThanOrEqual(end);
    expect(abortedAt).toBeGreaterThan(end - 100);
    expect(signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      detail: expect.stringContaining('maxHoldTime') as string,
    });
    expect(store.released).toEqual(['order:1']);
    // Once in the first third, and once more to the very end: no storm of ever shorter ones.
    expect(store.calls.length).toBeLessThanOrEqual(3);
    expect(clock.pending).toBe(0);
  });

  it('a lock handed over after the last renewal of its holder is renewed for the next', async () => {
    store = new SilentStore(clock, true);
    const handOver = { count: 64, time: 60_000 };
    locks = new LockService({ store, clock, leaseTime: 3_000, waitTime: 60_000, handOver });
    const first = await locks.acquire('order:1', { maxHoldTime: 3_500 });
    const next = locks.using('order:1', ({ signal }) => signal);
    const second = locks.acquire('order:1', { maxHoldTime: Infinity });
    for (let ms = 0; ms < 3_000; ms += 50) {
      await clock.advanceAndSettle(50);
      for (const one of store.renewals.splice(0)) one.answer();
    }
    expect(await first.release()).toBe(true);
    await next;
    const lock = await second;
    for (let ms = 0; ms < 9_000; ms += 50) {
      await clock.advanceAndSettle(50);
      for (const one of store.renewals.splice(0)) one.answer();
    }
    expect(lock.isHeld()).toBe(true);
  });

  it('a lease that the store made shorter than it was asked for is extended before its holder runs', async () => {
    store.gives = 600;
    const asked = locks.acquire('order:1').then((lock) => {
      expect(store.renewals).toMatchObject([{ key: 'order:1', leaseTime: 3_000 }]);
      return lock;
    });
    const lock = await asked;
    expect(lock.expiresAt).toBeLessThan(clock.wall() + 600);
    renewal().answer();
    await clock.advanceAndSettle(700);
    expect(lock.isHeld()).toBe(true);
  });

  it('a renewal that the store made shorter than it was asked for is believed no longer', async () => {
    const lock = await locks.acquire('order:1');
    await clock.advanceAndSettle(1_000);
    renewal().answer(undefined, 500);
    await clock.advanceAndSettle(0);
    expect(lock.expiresAt).toBeLessThan(clock.wall() + 500);
    await clock.advanceAndSettle(500);
    expect(lock.isHeld()).toBe(false);
  });

  it('No silent loss: a loss that the store tells by itself ends the lock', async () => {
    let end!: (error: Error) => void;
    store.lost = new Promise((resolve) => (end = resolve));
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    const reason = new Error('the session ended');
    end(reason);
    await clock.advanceAndSettle(0);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', cause: reason });
  });

  it('No silent loss: when the store is back after an outage, every lease is confirmed at once', async () => {
    const kept = await locks.acquire('kept');
    const gone = await locks.acquire('gone');
    store.isBack();
    expect(store.renewals.map(({ key }) => key).sort()).toEqual(['gone', 'kept']);
    expect(store.calls).toEqual([2]);
    for (const one of store.renewals.splice(0)) one.answer(one.key === 'kept' ? undefined : null);
    await clock.advanceAndSettle(0);
    expect(kept.isHeld()).toBe(true);
    expect(gone.lost).toBeInstanceOf(LockLostError);
  });

  describe('extend', () => {
    it('makes the validity longer only when it is answered', async () => {
      const lock = await locks.acquire('order:1');
      const before = lock.expiresAt;
      const extended = lock.extend(60_000);
      expect(lock.expiresAt).toBe(before);
      renewal().answer();
      await extended;
      expect(lock.expiresAt).toBeGreaterThan(before + 50_000);
    });

    it('makes the validity shorter the moment it is sent', async () => {
      const lock = await locks.acquire('order:1');
      const extended = lock.extend(100);
      expect(lock.expiresAt).toBeLessThan(clock.now().wall + 100);
      renewal().answer();
      await extended;
      expect(lock.isHeld()).toBe(true);
    });

    it('aborts the signal in time when the answer to a shorter one is lost', async () => {
      const lock = await locks.acquire('order:1');
      const { signal } = lock;
      let abortedAt = Infinity;
      signal.addEventListener('abort', () => (abortedAt = clock.mono()));
      const sent = clock.mono();
      const extended = lock.extend(100).catch((error: unknown) => error);
      await clock.advanceAndSettle(100);
      expect(signal.aborted).toBe(true);
      expect(abortedAt).toBeLessThan(sent + 100);
      store.renewals[0]!.fail();
      expect(await extended).toBeInstanceOf(LockUnavailableError);
    });

    it('a shorter one is not forgotten over the answer to an older, longer one', async () => {
      const lock = await locks.acquire('order:1');
      await clock.advanceAndSettle(1_000);
      const long = renewal();
      const extended = lock.extend(100).catch((error: unknown) => error);
      const short = renewal();
      long.answer();
      await clock.advanceAndSettle(0);
      expect(lock.expiresAt).toBeLessThan(clock.now().wall + 100);
      await clock.advanceAndSettle(100);
      expect(lock.isHeld()).toBe(false);
      short.fail();
      expect(await extended).toBeInstanceOf(LockUnavailableError);
    });

    it('rejects with LockLostError when the lock is not ours any more', async () => {
      const lock = await locks.acquire('order:1');
      const extended = lock.extend().catch((error: unknown) => error);
      renewal().answer(null);
      expect(await extended).toBeInstanceOf(LockLostError);
    });

    it.each([
      ['does not answer', new StoreUnavailableError('gone'), LockUnavailableError],
      ['answers with an error', new Error('NOPERM'), LockRefusedError],
    ])('Three answers: leaves the lock ours when the store %s', async (_, failure, Told) => {
      const lock = await locks.acquire('order:1');
      const extended = lock.extend().catch((error: unknown) => error);
      renewal().fail(failure);
      expect(await extended).toBeInstanceOf(Told);
      expect(lock.isHeld()).toBe(true);
    });
  });
});
