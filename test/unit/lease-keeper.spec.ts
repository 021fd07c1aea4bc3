import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Instant } from '../../lib/clock.js';
import { LockLostError, LockUnavailableError } from '../../lib/lock/lock.errors.js';
import type { LockEvent } from '../../lib/lock/lock-events.js';
import { LockService } from '../../lib/lock/lock.service.js';
import type { Attempt, HeldLease, LeaseRequest, LockState } from '../../lib/stores/lock-store.js';
import { LockStore } from '../../lib/stores/lock-store.js';
import { ManualClock } from '../support/manual-clock.js';

interface Renewal {
  readonly keys: readonly string[];
  readonly leaseTime: number;
  readonly sent: Instant;
  answer(from?: Instant | null): void;
  fail(error?: Error): void;
}

/** Grants everything at once, and lets the test answer what is asked of it later. */
class SilentStore extends LockStore {
  readonly remote = false;
  readonly renewals: Renewal[] = [];
  readonly calls: number[] = [];
  released = 0;

  constructor(private readonly clock: ManualClock) {
    super();
  }

  acquire({ key, leaseTime }: LeaseRequest): Attempt {
    const grant = { key, owner: 'host:1#x.1', token: 7, from: this.clock.now(), leaseTime };
    return { granted: Promise.resolve(grant), contention: undefined, leave: () => undefined };
  }

  extend(leases: readonly (HeldLease & { leaseTime: number })[]): Promise<Instant | null>[] {
    this.calls.push(leases.length);
    const sent = this.clock.now();
    return leases.map(
      ({ key, leaseTime }) =>
        new Promise((resolve, reject) => {
          this.renewals.push({
            keys: [key],
            leaseTime,
            sent,
            answer: (from = sent) => resolve(from),
            fail: (error = new Error('gone')) => reject(error),
          });
        }),
    );
  }

  release(): Promise<boolean> {
    this.released += 1;
    return Promise.resolve(true);
  }

  inspect(): Promise<LockState> {
    return Promise.resolve({ held: undefined, waiting: 0 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

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
  function renewal(): Renewal {
    expect(store.renewals).toHaveLength(1);
    return store.renewals.shift()!;
  }

  it('renews after a third of what is left, again and again, with one timer', async () => {
    const lock = await locks.acquire('order:1');
    for (let turn = 0; turn < 20; turn += 1) {
      expect(clock.pending).toBe(1);
      await clock.advanceAndSettle(1_000);
      renewal().answer();
    }
    await clock.advanceAndSettle(0);
    expect(lock.isHeld()).toBe(true);
    await lock.release();
    await clock.advanceAndSettle(10_000);
    expect(store.renewals).toEqual([]);
    expect(clock.pending).toBe(0);
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
      for (const one of store.renewals.splice(0)) if (one.keys[0] === 'well') one.answer();
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

  it('aborts the signal before the lease can have ended when a renewal hangs', async () => {
    const granted = clock.mono();
    const lock = await locks.acquire('order:1');
    let abortedAt = Infinity;
    lock.signal.addEventListener('abort', () => (abortedAt = clock.mono()));
    await clock.advanceAndSettle(10_000);
    expect(abortedAt).toBeLessThan(granted + 3_000);
    expect(abortedAt).toBeGreaterThan(granted + 2_900);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  });

  it('aborts the signal at once when the lock is not ours any more', async () => {
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

  it('notices the end of a validity that was over when its renewal was answered', async () => {
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

  it('ends renewal after maxHoldTime, and says so', async () => {
    const lock = await locks.acquire('order:1', { maxHoldTime: 2_500 });
    const { signal } = lock;
    for (let turn = 0; turn < 9; turn += 1) {
      await clock.advanceAndSettle(1_000);
      for (const one of store.renewals.splice(0)) one.answer();
    }
    expect(store.calls).toHaveLength(2);
    expect(signal.reason).toMatchObject({
      code: 'LOCK_LOST',
      message: expect.stringContaining('maxHoldTime') as string,
    });
    expect(clock.pending).toBe(0);
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

    it('leaves the lock ours when the store does not answer', async () => {
      const lock = await locks.acquire('order:1');
      const extended = lock.extend().catch((error: unknown) => error);
      renewal().fail();
      expect(await extended).toBeInstanceOf(LockUnavailableError);
      expect(lock.isHeld()).toBe(true);
    });
  });
});
