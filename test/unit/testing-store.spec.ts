import {
  LockBusyError,
  LockRefusedError,
  LockService,
  LockUnavailableError,
  LockUsageError,
} from '../../lib/index.js';
import { TestingStore, VirtualClock } from '../../lib/testing/index.js';
import { watch } from '../support/until.js';

describe('TestingStore', () => {
  let clock: VirtualClock;
  let store: TestingStore;
  let locks: LockService;
  beforeEach(() => {
    clock = new VirtualClock();
    store = new TestingStore({ clock });
    locks = new LockService({ store, shutdownTimeout: 0 });
  });
  afterEach(() => locks.close());

  it('busy(key): the key is somebody else’s until it is given back', async () => {
    const giveBack = store.busy('order:1');
    expect(await locks.tryAcquire('order:1')).toBeNull();
    expect(store.held()).toEqual([]);
    const waiting = locks.acquire('order:1');
    await clock.advance(0);
    expect(store.waiting('order:1')).toBe(1);
    giveBack();
    giveBack();
    const lock = await waiting;
    expect([store.held(), store.waiting('order:1')]).toEqual([['order:1'], 0]);
    expect(() => store.busy('order:1')).toThrow(LockUsageError);
    await lock.release();
    expect(store.held()).toEqual([]);
  });

  it('busy(key): a wait ends by the virtual clock, and takes no time', async () => {
    store.busy('order:1');
    const before = performance.now();
    const waiting = watch(locks.acquire('order:1', { waitTime: 60_000 }));
    const rejected = locks.acquire('order:1', { waitTime: 60_000 });
    const check = expect(rejected).rejects.toThrow(LockBusyError);
    await clock.advance(59_000);
    expect(waiting.settled).toBe(false);
    await clock.advance(1_000);
    await check;
    expect(waiting.settled).toBe(true);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  it('lose(key): who holds it is told at once, and the next has it', async () => {
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    const next = locks.acquire('order:1');
    await store.lose('order:1');
    expect(signal.aborted).toBe(true);
    expect(lock.lost?.detail).toContain('the test took it away');
    await expect(store.lose('order:2')).rejects.toThrow('nobody holds "order:2"');
    expect(await lock.release()).toBe(false);
    await (await next).release();
  });

  it('lose(key): work that ends well under a lost lock is rejected', async () => {
    const work = locks.using('order:1', () => store.lose('order:1'));
    await expect(work).rejects.toMatchObject({ code: 'LOCK_LOST' });
  });

  it('unavailable(): nobody gets an answer, and what is held is lost when its lease has run out', async () => {
    store.busy('order:2');
    const waiting = locks.acquire('order:2');
    const told = expect(waiting).rejects.toThrow(LockUnavailableError);
    const lock = await locks.acquire('order:1', { leaseTime: 30_000 });
    store.unavailable();
    await told;
    await expect(locks.acquire('order:3')).rejects.toThrow(LockUnavailableError);
    await expect(locks.inspect('order:3')).rejects.toThrow(LockUnavailableError);
    await clock.advance(11_000);
    expect(locks.counts()).toEqual({ held: 1, waiting: 0, suspect: 1 });
    await clock.advance(20_000);
    expect(lock.lost?.code).toBe('LOCK_LOST');
  });

  it('available(): ends it, and what is held is confirmed', async () => {
    const lock = await locks.acquire('order:1');
    store.unavailable();
    await clock.advance(11_000);
    store.available();
    await clock.advance(60_000);
    expect(lock.isHeld()).toBe(true);
    await lock.release();
  });

  it('refuse(error): everything is answered with it', async () => {
    const error = new Error('NOPERM');
    store.refuse(error);
    const refused = await locks.acquire('order:1').catch((one: unknown) => one);
    expect(refused).toBeInstanceOf(LockRefusedError);
    expect(refused).toMatchObject({ cause: error });
    expect(() => store.refuse('NOPERM' as never)).toThrow("received 'NOPERM'");
  });

  it('reset(): as it was when it was made', async () => {
    store.busy('order:1');
    const waiting = expect(locks.acquire('order:1')).rejects.toThrow(LockUnavailableError);
    const lock = await locks.acquire('order:2');
    store.refuse(new Error('NOPERM'));
    await store.reset();
    await waiting;
    expect(lock.isHeld()).toBe(false);
    expect(store.held()).toEqual([]);
    await locks.using(['order:1', 'order:2'], () => {
      expect(store.held()).toEqual(['order:1', 'order:2']);
    });
  });

  it('passThrough: nobody is kept out', async () => {
    const open = new TestingStore({ passThrough: true });
    const free = new LockService({ store: open });
    const all = await Promise.all([1, 2, 3].map(() => free.acquire('order:1')));
    expect(open.held()).toEqual(['order:1']);
    expect(new Set(all.map(({ token }) => token)).size).toBe(3);
    await open.lose('order:1');
    expect(all.map((one) => one.isHeld())).toEqual([false, false, false]);
    expect(await (await free.acquire('order:1')).release()).toBe(true);
    await free.close();
  });

  it('leases, renewals and maxHoldTime go by its clock', async () => {
    const kept = await locks.acquire('order:1', { leaseTime: 1_000 });
    const short = await locks.acquire('order:2', { leaseTime: 1_000, renew: false });
    const forgotten = await locks.acquire('order:3', { maxHoldTime: 5_000 });
    await clock.advance(1_000);
    expect([kept.isHeld(), short.isHeld(), forgotten.isHeld()]).toEqual([true, false, true]);
    await clock.advance(4_000);
    expect([kept.isHeld(), forgotten.isHeld()]).toEqual([true, false]);
  });

  it('VirtualClock: refuses what is no time', async () => {
    await expect(clock.advance(-1)).rejects.toThrow('received -1');
    await expect(clock.advance(Infinity)).rejects.toThrow('received Infinity');
  });
});
