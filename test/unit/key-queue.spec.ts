import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LockBusyError, LockLostError } from '../../lib/lock/lock.errors.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { ManualClock } from '../support/manual-clock.js';
import { MoodyStore } from '../support/moody-store.js';
import { watch } from '../support/until.js';

const UNAVAILABLE_AFTER = 2_000;

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
  let store: MoodyStore;
  let locks: LockService;
  let others: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    store = new MoodyStore({ clock });
    locks = new LockService({
      store,
      clock,
      ownsStore: false,
      unavailableAfter: UNAVAILABLE_AFTER,
    });
    others = new LockService({ store, clock });
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
    expect(store.leaves).toBe(1);
    await holder.release();
  });

  it('are each told when their own time is up, and one stands for the rest', async () => {
    const holder = await others.acquire('order:1');
    store.asked = 0;
    const short = codes(crowd(3, 20));
    const long = locks.acquire('order:1', { waitTime: 5_000 });
    await clock.advanceAndSettle(20);
    expect(await short).toEqual(Array(3).fill('LOCK_BUSY'));
    expect(store.leaves).toBe(0);
    await holder.release();
    await clock.advanceAndSettle(0);
    const lock = await long;
    expect(store.asked).toBe(1);
    await lock.release();
  });

  it('are told who holds it and since when', async () => {
    const holder = await others.acquire('order:1', { leaseTime: 20_000 });
    const since = clock.wall();
    const told = locks.acquire('order:1', { waitTime: 50 }).catch((error: unknown) => error);
    await clock.advanceAndSettle(50);
    expect(await told).toBeInstanceOf(LockBusyError);
    expect(await told).toMatchObject({
      reason: 'held',
      holder: expect.stringContaining(`:${String(process.pid)}`) as string,
      mode: { kind: 'exclusive' },
      sinceEpochMs: since,
      waitedMs: 50,
    });
    await holder.release();
  });

  it('are told when to come back: by how long it was held lately, never by a lease that is renewed', async () => {
    const told = async (): Promise<number> => {
      const error = await locks.acquire('order:1', { waitTime: 0 }).catch((e: unknown) => e);
      return (error as LockBusyError).retryAfter;
    };
    const hold = async (ms: number): Promise<number> => {
      const lock = await locks.acquire('order:1', { leaseTime: 20_000 });
      const retryAfter = await told();
      await clock.advanceAndSettle(ms);
      await lock.release();
      return retryAfter;
    };
    // Nothing is known yet: as long again as it has been held.
    const first = await others.acquire('order:1', { leaseTime: 20_000 });
    await clock.advanceAndSettle(300);
    const asked = told();
    await clock.advanceAndSettle(1);
    expect(await asked).toBeCloseTo(300, -1);
    await first.release();

    expect(await hold(2_000)).toBe(0);
    expect(await hold(2_000)).toBe(2_000);
    const last = await locks.acquire('order:1', { leaseTime: 20_000 });
    await clock.advanceAndSettle(1_500);
    expect(await told()).toBe(500);
    await clock.advanceAndSettle(4_500);
    expect(await told()).toBe(6_000);
    await last.release();
  });

  it('tryAcquire with a waitTime waits that long, and then says null', async () => {
    const holder = await others.acquire('order:1');
    const asked = locks.tryAcquire('order:1', { waitTime: 300 });
    const seen = watch(asked);
    await clock.advanceAndSettle(299);
    expect(seen.settled).toBe(false);
    await clock.advanceAndSettle(1);
    expect(await asked).toBeNull();

    const next = locks.tryAcquire('order:1', { waitTime: 300 });
    await holder.release();
    await clock.advanceAndSettle(0);
    expect(await (await next)?.release()).toBe(true);
  });

  describe('for ever', () => {
    it('are served when it is free, however long that takes', async () => {
      const holder = await others.acquire('order:1', { maxHoldTime: Infinity });
      const asked = locks.acquire('order:1', { waitTime: Infinity });
      await clock.advanceAndSettle(600_000);
      await holder.release();
      await clock.advanceAndSettle(0);
      expect(await (await asked).release()).toBe(true);
    });

    it('can be called off', async () => {
      const holder = await others.acquire('order:1');
      const abort = new AbortController();
      const asked = locks.acquire('order:1', { waitTime: Infinity, signal: abort.signal });
      abort.abort();
      await expect(asked).rejects.toMatchObject({ code: 'LOCK_ABORTED' });
      await holder.release();
    });
  });

  it('do not inherit a lease whose maxHoldTime has passed', async () => {
    const tired = await locks.acquire('order:1', { maxHoldTime: 100 });
    const waiting = locks.acquire('order:1', { waitTime: 10_000 });
    await clock.advanceAndSettle(110);
    expect(tired.lost).toBeInstanceOf(LockLostError);
    const lock = await waiting;
    expect(lock.isHeld()).toBe(true);
    expect(await tired.release()).toBe(false);
    expect(lock.isHeld()).toBe(true);
    await lock.release();
  });

  it('have a maxHoldTime of their own when a lock is handed over to them', async () => {
    const first = await locks.acquire('order:1');
    const waiting = locks.acquire('order:1', { maxHoldTime: 1_000 });
    await first.release();
    const second = await waiting;
    const { signal } = second;
    await clock.advanceAndSettle(1_000);
    expect(signal.aborted).toBe(true);
    const third = await locks.acquire('order:1');
    await third.release();
  });

  it('Tokens: never use more for hand-overs than the grant has', async () => {
    locks = new LockService({ store, clock, handOver: { count: 10_000, time: Infinity } });
    const tokens: number[] = [];
    store.asked = 0;
    await Promise.all(
      Array.from({ length: 2_500 }, () =>
        locks.using('order:1', ({ token }) => void tokens.push(token)),
      ),
    );
    expect(tokens.every((token, i) => i === 0 || token > tokens[i - 1]!)).toBe(true);
    // The range of this store's grants is 1 000 beyond the first.
    expect(store.asked).toBe(3);
  });

  describe('are as many as maxWaiters allows:', () => {
    it.each([
      ['in the queue inside the process', { fair: false }],
      ['each in the queue of the store', { fair: true }],
    ])('%s the next one is told "busy" at once', async (_, options) => {
      locks = new LockService({ store, clock, maxWaiters: 3 });
      const holder = await others.acquire('order:1');
      const waiting = Array.from({ length: 3 }, () => locks.acquire('order:1', options));
      await expect(locks.acquire('order:1', options)).rejects.toMatchObject({
        code: 'LOCK_BUSY',
        reason: 'full',
        waitedMs: 0,
        detail: expect.stringContaining('maxWaiters') as string,
      });
      expect(await locks.tryAcquire('order:1', { waitTime: 50, ...options })).toBeNull();
      // Another key has a queue of its own.
      await (await locks.acquire('order:2', options)).release();
      await holder.release();
      for (const one of waiting) {
        await clock.advanceAndSettle(0);
        await (await one).release();
      }
      await (await locks.acquire('order:1', options)).release();
    });

    it('No leftover: 100 000 requests for one key leave the process alive, and nothing behind', async () => {
      const holder = await others.acquire('order:1');
      const outcomes = codes(
        Array.from({ length: 100_000 }, () => locks.acquire('order:1', { waitTime: 1_000 })),
      );
      expect(await store.inspect('order:1')).toMatchObject({ waiting: 1 });
      await clock.advanceAndSettle(1_000);
      expect(new Set(await outcomes)).toEqual(new Set(['LOCK_BUSY']));
      await holder.release();
      expect(await store.inspect('order:1')).toEqual({ key: 'order:1', holders: [], waiting: 0 });
    });
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
      // Each is told once, the first what it waited for.
      expect(await late).toEqual(['LOCK_BUSY', 'LOCK_ABORTED', 'LOCK_ABORTED']);
      await holder.release();
      await clock.advanceAndSettle(0);
      await (await patient).release();
    } finally {
      unsubscribe('nest-locked:acquire:busy', onBusy);
    }
  });

  it('are all rejected at shutdown, whatever they hear', async () => {
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
