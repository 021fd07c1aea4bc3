import { LockLostError, LockUsageError, detailOf } from '../../../lib/lock/lock.errors.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { MemoryStore } from '../../../lib/stores/memory/memory-store.js';
import { ManualClock } from '../../support/manual-clock.js';
import { until, watch } from '../../support/until.js';
import { withTwoPods, problemOf, untilWaiting, type Pod, type Pods } from './pods.js';
import { Heard } from './stand.js';

const KEY = 'reports:hourly';

describe('leases that are not renewed, and locks that are kept', () => {
  let pods: Pods;
  let here: Pod;
  let there: Pod;
  withTwoPods((...opened) => ([pods, here, there] = opened));

  const remainingMs = async (): Promise<number> =>
    (await there.store.inspect(KEY)).holders[0]?.remainingMs ?? 0;

  describe('renew: false', () => {
    it.each([
      ['an exclusive lock', {}],
      ['a shared one', { mode: 'shared' }],
      ['a limited one', { limit: 2 }],
    ] as const)('%s ends with its lease, is told so, and costs no renewal', async (_, mode) => {
      const renewed = new Heard('nest-locked:renew');
      const lost = new Heard('nest-locked:lost');
      const asked = Date.now();
      const lock = await here.locks.acquire(KEY, { ...mode, leaseTime: 200, renew: false });
      const { expiresAt } = lock;
      const granted = Date.now();
      const { signal } = lock;
      await lost.count(1);
      lost.stop();
      renewed.stop();

      expect(renewed.events).toEqual([]);
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(detailOf(signal.reason)).toContain('its leaseTime has passed');
      // Before the store gives it to another, and not much.
      expect(expiresAt).toBeGreaterThan(asked + 190);
      expect(expiresAt).toBeLessThan(granted + 200);
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt - 2);
      expect(lock.isHeld()).toBe(false);
      expect(await lock.release()).toBe(false);
      await (await there.locks.acquire(KEY, { waitTime: 1_000 })).release();
    });

    it('work under it that takes too long rejects, and work that does not comes out', async () => {
      const options = { leaseTime: 100, renew: false };
      expect(await here.locks.using(KEY, options, () => 'in time')).toBe('in time');
      const late = here.locks.using(KEY, options, async (lock) => {
        const { signal } = lock;
        await until('its end', () => signal.aborted);
        return 'late';
      });
      await expect(late).rejects.toMatchObject({
        code: 'LOCK_LOST',
        detail: expect.stringContaining('leaseTime') as string,
      });
    });

    it('extend moves its end, as often as it is asked, and no further', async () => {
      const lock = await here.locks.acquire(KEY, { leaseTime: 300, renew: false });
      const { signal } = lock;
      const first = lock.expiresAt;
      await lock.extend(60_000);
      expect(lock.expiresAt).toBeGreaterThan(first + 50_000);
      expect(await remainingMs()).toBeGreaterThan(50_000);
      await lock.extend(250);
      expect(await remainingMs()).toBeLessThanOrEqual(250);
      expect(lock.expiresAt - Date.now()).toBeLessThan(250);
      await until('its end', () => signal.aborted);
      expect(detailOf(signal.reason)).toContain('its leaseTime has passed');
    });

    it('what was waited for has the whole lease, though it came by a message with less', async () => {
      const holder = await there.locks.acquire(KEY);
      const waiting = here.locks.acquire(KEY, { leaseTime: 20_000, renew: false });
      await untilWaiting(there, KEY, 1);
      await holder.release();
      const lock = await waiting;

      await until('the whole lease', async () => (await remainingMs()) > 15_000);
      expect(lock.isHeld()).toBe(true);
      const before = await pods.scriptCalls();
      expect(await lock.release()).toBe(true);
      expect((await pods.scriptCalls()) - before).toBe(1);
    });

    it('is not handed over by one whose lease is renewed, nor to one', async () => {
      const held = await here.locks.acquire(KEY);
      const next = here.locks.acquire(KEY, { renew: false });
      const last = here.locks.acquire(KEY);
      await held.release();
      const second = await next;
      expect(second.token).toBeGreaterThan(held.token + 1);
      await second.release();
      const third = await last;
      expect(third.token).toBeGreaterThan(second.token + 1);
      await third.release();
    });

    it('downgraded, it ends with its lease still, in the same words', async () => {
      const lock = await here.locks.acquire(KEY, { leaseTime: 300, renew: false });
      const { signal } = lock;
      await lock.downgrade();
      await until('its end', () => signal.aborted);
      expect(detailOf(signal.reason)).toContain('its leaseTime has passed');
    });

    it('its end is that of the clock, whatever the wait before it asked for', async () => {
      const clock = new ManualClock();
      const store = new MemoryStore({ clock });
      const locks = new LockService({ store, clock });
      const lock = await locks.acquire(KEY, { leaseTime: 1_000, renew: false });
      const { signal } = lock;
      await clock.advanceAndSettle(987);
      expect([signal.aborted, lock.isHeld()]).toEqual([false, true]);
      await clock.advanceAndSettle(1);
      expect([signal.aborted, lock.isHeld()]).toEqual([true, false]);
      expect(clock.mono()).toBeLessThan(1_000 + 1_000);
      expect((await store.inspect(KEY)).holders).toEqual([]);
      await locks.close();
    });

    it('ends with its own lease, though it was asked for by one before it with a longer one', async () => {
      const holder = await there.locks.acquire(KEY);
      const abort = new AbortController();
      const gone = problemOf(here.locks.acquire(KEY, { leaseTime: 60_000, signal: abort.signal }));
      await untilWaiting(there, KEY, 1);
      const waiting = here.locks.acquire(KEY, { leaseTime: 300, renew: false });
      abort.abort();
      expect(await gone).toMatchObject({ code: 'LOCK_ABORTED' });

      await holder.release();
      const lock = await waiting;

      const { signal } = lock;
      expect(lock.expiresAt - Date.now()).toBeLessThanOrEqual(300);
      await until('its end', () => signal.aborted);
      expect(detailOf(signal.reason)).toContain('its leaseTime has passed');
    });

    it('in a scope inside another lock on its key is held as long as that one', async () => {
      await here.locks.using(KEY, async () => {
        const inner = await here.locks.acquire(KEY, { leaseTime: 50, renew: false });
        expect(inner.isHeld()).toBe(true);
        expect(await inner.release()).toBe(true);
      });
    });
  });

  describe('minHoldTime', () => {
    it.each([
      ['an exclusive lock', {}, {}],
      ['a shared one', { mode: 'shared' }, {}],
      ['a limited one', { limit: 2, permits: 2 }, { limit: 2 }],
    ] as const)('%s is nobody elses until then, and no longer', async (_, mode, other) => {
      const before = performance.now();
      const granted = await here.locks.acquire(KEY, { ...mode, minHoldTime: 1_000 });
      expect(await granted.release()).toBe(true);

      for (const { locks } of [here, there]) expect(await locks.tryAcquire(KEY, other)).toBeNull();
      expect(await remainingMs()).toBeLessThanOrEqual(1_000);
      const next = await there.locks.acquire(KEY, other);
      expect(performance.now() - before).toBeGreaterThanOrEqual(999);
      expect(next.token).toBeGreaterThan(granted.token);
      await next.release();
    });

    it('whoever holds it for longer keeps nobody out', async () => {
      const lock = await here.locks.acquire(KEY, { minHoldTime: 50 });
      const end = performance.now() + 60;
      await until('longer', () => performance.now() > end);
      await lock.release();
      await (await there.locks.acquire(KEY, { waitTime: 0 })).release();
    });

    it('nobody of the process has it before either, who waited for a hand-over', async () => {
      const pod = await pods.open({ handOver: { count: 1_000, time: 1_000_000 } });
      const before = performance.now();
      const lock = await pod.locks.acquire(KEY, { minHoldTime: 1_000 });
      const waiting = pod.locks.acquire(KEY);
      const seen = watch(waiting);
      await lock.release();
      expect(await pod.locks.tryAcquire(KEY)).toBeNull();
      expect(seen.settled).toBe(false);

      const next = await waiting;

      expect(performance.now() - before).toBeGreaterThanOrEqual(999);
      expect(next.token).toBeGreaterThan(lock.token);
      await next.release();
    });

    it('a reader that joins asks for it too, and it is kept from the last of them', async () => {
      const first = await here.locks.acquire(KEY, { mode: 'shared' });
      const before = performance.now();
      const second = await here.locks.acquire(KEY, { mode: 'shared', minHoldTime: 1_000 });
      await second.release();
      await first.release();
      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      const next = await there.locks.acquire(KEY);
      expect(performance.now() - before).toBeGreaterThanOrEqual(999);
      await next.release();
    });

    it('is kept at shutdown, by one who has released and by one who has not', async () => {
      for (const isReleased of [true, false]) {
        const pod = await pods.open({ shutdownTimeout: 0 });
        const before = performance.now();
        const lock = await pod.locks.acquire(KEY, { minHoldTime: 1_000 });
        if (isReleased) await lock.release();
        await pod.locks.close();
        pod.client.disconnect();

        expect(await there.locks.tryAcquire(KEY)).toBeNull();
        const next = await there.locks.acquire(KEY);
        expect(performance.now() - before).toBeGreaterThanOrEqual(999);
        await next.release();
      }
    });

    it('longer than the lease it is kept all the same', async () => {
      const before = performance.now();
      const lock = await here.locks.acquire(KEY, { leaseTime: 100, minHoldTime: 400 });
      await lock.release();
      const next = await there.locks.acquire(KEY);
      expect(performance.now() - before).toBeGreaterThanOrEqual(399);
      await next.release();
    });

    it('as long as a lease that is not renewed, it is kept to the end of that', async () => {
      const before = performance.now();
      const options = { leaseTime: 400, minHoldTime: 400, renew: false };
      await (await here.locks.acquire(KEY, options)).release();
      const next = await there.locks.acquire(KEY);
      expect(performance.now() - before).toBeGreaterThanOrEqual(399);
      await next.release();
    });

    it('taken inside a lock it is kept from when that one ends', async () => {
      const before = performance.now();
      await here.locks.using(KEY, () =>
        here.locks.using(KEY, { minHoldTime: 300 }, () => undefined),
      );
      const next = await there.locks.acquire(KEY);
      expect(performance.now() - before).toBeGreaterThanOrEqual(299);
      await next.release();
    });

    it('of several keys each is kept', async () => {
      const set = await here.locks.acquireAll(['a', 'b'], { minHoldTime: 1_000 });
      expect(await set.release()).toBe(true);
      for (const key of ['a', 'b']) expect(await there.locks.tryAcquire(key)).toBeNull();
      await (await there.locks.acquireAll(['a', 'b'])).release();
    });

    it('is taken from it by force as any other', async () => {
      await (await here.locks.acquire(KEY, { minHoldTime: 60_000 })).release();
      expect(await there.locks.forceRelease(KEY)).toBe(true);
      await (await there.locks.acquire(KEY, { waitTime: 0 })).release();
    });

    it('work of 5 ms in two processes runs once a tick, though their clocks differ by 40 ms', async () => {
      for (let tick = 0; tick < 3; tick += 1) {
        let runs = 0;
        const run = ({ locks }: Pod): Promise<void> =>
          locks
            .using(KEY, { waitTime: 0, minHoldTime: 1_000 }, async () => {
              runs += 1;
              await new Promise((resolve) => setTimeout(resolve, 5));
            })
            .catch((error: unknown) => {
              expect(error).toMatchObject({ code: 'LOCK_BUSY' });
            });
        const pair = tick % 2 ? [here, there] : [there, here];
        const first = run(pair[0]!);
        await new Promise((resolve) => setTimeout(resolve, 40));
        await Promise.all([first, run(pair[1]!)]);
        expect(runs).toBe(1);
        await until('the next tick', async () => (await pods.keys()).length === 0);
      }
    });

    it('a store whose leases are those of a session refuses it, and says what it received', async () => {
      class SessionStore extends MemoryStore {
        override readonly traits = { localHandOver: false, leases: 'session' } as const;
      }
      const locks = new LockService({ store: new SessionStore() });
      for (const work of [
        () => locks.acquire(KEY, { minHoldTime: 5_000 }),
        () => locks.tryAcquire(KEY, { minHoldTime: 5_000 }),
        () => locks.using(KEY, { minHoldTime: 5_000 }, () => 'never'),
        () => locks.acquireAll(['a', KEY], { minHoldTime: 5_000 }),
      ]) {
        const problem = await problemOf(work());
        expect(problem).toBeInstanceOf(LockUsageError);
        expect(problem.message).toContain('minHoldTime 5000 cannot be kept by this store');
      }
      await (await locks.acquireAll(['a', KEY], { waitTime: 0, minHoldTime: 0 })).release();
      await locks.close();
    });
  });
});
