import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LockService } from '../../lib/lock/lock.service.js';
import type { Attempt, Contention, Grant, LeaseRequest } from '../../lib/stores/lock-store.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { Gate } from '../support/gate.js';
import { ManualClock } from '../support/manual-clock.js';

/** Far away, so that callers share a line: says what it is told to. */
class FarStore extends MemoryStore {
  override readonly remote = true as never;
  silent = false;
  /** What is granted is told when this opens. */
  slow: Gate | undefined;
  asked = 0;
  left = 0;

  override acquire(request: LeaseRequest): Attempt {
    this.asked += 1;
    const attempt = super.acquire(request);
    const leave = (): void => {
      this.left += 1;
      attempt.leave();
    };
    const { slow } = this;
    if (slow) {
      const granted = slow.opened.then(() => attempt.granted);
      return { granted, contention: undefined, leave };
    }
    if (!this.silent) {
      const contention = (): Contention | undefined => attempt.contention;
      return {
        granted: attempt.granted,
        get contention() {
          return contention();
        },
        leave,
      };
    }
    return { granted: new Promise<Grant>(() => undefined), contention: undefined, leave };
  }
}

const codes = (callers: Promise<unknown>[]): Promise<unknown[]> =>
  Promise.all(
    callers.map((caller) =>
      caller.then(
        () => 'granted',
        (error: unknown) => (error as { code: string }).code,
      ),
    ),
  );

describe('those who wait for one key', () => {
  let clock: ManualClock;
  let store: FarStore;
  let locks: LockService;
  let others: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    store = new FarStore({ clock });
    locks = new LockService({ store, clock, unavailableAfter: 2_000 });
    others = new LockService({ store, clock, ownsStore: false });
  });
  afterEach(async () => {
    const closing = Promise.all([locks.close(), others.close()]);
    await clock.advanceAndSettle(20_000);
    await closing;
    expect(clock.pending).toBe(0);
  });

  const crowd = (size: number, waitTime: number): Promise<unknown>[] =>
    Array.from({ length: size }, () => locks.acquire('order:1', { waitTime }));

  it('are all told "busy" when their time is up together', async () => {
    const holder = await others.acquire('order:1');
    const waiting = codes(crowd(5, 20));
    await clock.advanceAndSettle(20);
    expect(await waiting).toEqual(Array(5).fill('LOCK_BUSY'));
    expect(store.left).toBe(1);
    await holder.release();
  });

  it('are each told when their own time is up, and one stands for the rest', async () => {
    const holder = await others.acquire('order:1');
    store.asked = 0;
    const short = codes(crowd(3, 20));
    const long = locks.acquire('order:1', { waitTime: 5_000 });
    await clock.advanceAndSettle(20);
    expect(await short).toEqual(Array(3).fill('LOCK_BUSY'));
    expect(store.left).toBe(0);
    await holder.release();
    await clock.advanceAndSettle(0);
    const lock = await long;
    expect(store.asked).toBe(1);
    await lock.release();
  });

  it('are never told "busy" by a store that says nothing', async () => {
    store.silent = true;
    const waiting = codes([...crowd(2, 0), ...crowd(2, 20), ...crowd(2, 1_000)]);
    await clock.advanceAndSettle(1_000);
    expect(await waiting).toEqual(Array(6).fill('LOCK_UNAVAILABLE'));
  });

  it('are told of a silent store after unavailableAfter, however long they would wait', async () => {
    store.silent = true;
    const begun = clock.mono();
    const waiting = codes(crowd(3, 60_000));
    await clock.advanceAndSettle(2_000);
    expect(await waiting).toEqual(Array(3).fill('LOCK_UNAVAILABLE'));
    expect(clock.mono()).toBe(begun + 2_000);
  });

  it('are not told that the store was silent by a process that could not listen', async () => {
    const slow = (store.slow = new Gate());
    const asked = locks.acquire('order:1', { waitTime: 20 });
    // The loop is blocked; the timer comes before the answer is read.
    clock.stepMono(600);
    await clock.advanceAndSettle(10);
    slow.open();
    await clock.advanceAndSettle(0);
    await (await asked).release();
  });

  it('do not inherit a lease that is left to run out', async () => {
    locks = new LockService({
      store,
      clock,
      leaseTime: 3_000,
      handOver: { count: 64, time: 60_000 },
    });
    const tired = await locks.acquire('order:1', { maxHoldTime: 100 });
    const waiting = locks.acquire('order:1');
    await clock.advanceAndSettle(2_900);
    await tired.release();
    await clock.advanceAndSettle(10_000);
    const lock = await waiting;
    expect(lock.isHeld()).toBe(true);
    await lock.release();
  });

  it('may call off each other in what they hear', async () => {
    const holder = await others.acquire('order:1');
    const abort = new AbortController();
    const onBusy = (): void => abort.abort();
    subscribe('nest-locked:acquire:busy', onBusy);
    try {
      const late = codes(
        [1, 2, 3].map(() => locks.acquire('order:1', { waitTime: 20, signal: abort.signal })),
      );
      const patient = locks.acquire('order:1', { waitTime: 5_000 });
      await clock.advanceAndSettle(20);
      expect(await late).toEqual(Array(3).fill('LOCK_BUSY'));
      await holder.release();
      await clock.advanceAndSettle(0);
      await (await patient).release();
    } finally {
      unsubscribe('nest-locked:acquire:busy', onBusy);
    }
  });

  it('are all turned away at shutdown, whatever they hear', async () => {
    const holder = await others.acquire('order:1');
    const abort = new AbortController();
    const onAborted = (): void => abort.abort();
    subscribe('nest-locked:acquire:aborted', onAborted);
    try {
      const waiting = codes(
        [1, 2, 3, 4, 5].map(() => locks.acquire('order:1', { signal: abort.signal })),
      );
      void locks.close();
      expect(await waiting).toEqual(Array(5).fill('LOCK_ABORTED'));
    } finally {
      unsubscribe('nest-locked:acquire:aborted', onAborted);
    }
    await holder.release();
  });
});
