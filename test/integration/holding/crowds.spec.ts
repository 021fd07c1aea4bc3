import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { until } from '../../support/until.js';
import { Heard, openStand, type Stand } from './stand.js';

/** In one turn of the event loop. */
const all = <T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => work(i)));

describe('a crowd of callers in one turn', () => {
  let stand: Stand;
  let unavailable: Heard;
  let failed: Heard;
  beforeEach(async () => {
    stand = await openStand();
    unavailable = new Heard('nest-locked:acquire:unavailable');
    failed = new Heard('nest-locked:release:failed');
    await stand.locks.using('warm', () => undefined);
  });
  afterEach(async () => {
    unavailable.stop();
    failed.stop();
    await stand.close();
  });

  it('Three answers: 20 000 who try keys that are free have them all', async () => {
    const held = await all(20_000, (i) => stand.locks.tryAcquire(`order:${String(i)}`));
    // Counted first: a failure is not to print them all.
    expect(held.filter((lock) => lock?.isHeld() === true).length).toBe(20_000);
    const released = await all(20_000, (i) => held[i]!.release());
    expect(released.filter((ours) => !ours).length).toBe(0);
    expect(unavailable.events).toEqual([]);
    expect(await stand.admin.dbsize()).toBe(0);
  }, 60_000);

  it('Never unlocked: 20 000 that may proceed without a lock all run with it', async () => {
    const options = { waitTime: 0, whenUnavailable: 'proceed' } as const;
    const ran = await all(20_000, (i) =>
      stand.locks.using(`order:${String(i)}`, options, ({ unlocked }) => unlocked),
    );
    expect(ran.filter(Boolean).length).toBe(0);
  }, 60_000);

  it('Three answers: 100 000 releases at once are no silence of Redis', async () => {
    const { admin } = stand;
    const store = new RedisStore({ client: stand.client });
    const locks = new LockService({ store, unavailableAfter: 700 });
    const held = await all(100_000, (i) => locks.acquire(`order:${String(i)}`));
    expect(await admin.dbsize()).toBe(100_000);
    const released = Promise.all(held.map((lock) => lock.release()));
    // Behind all of them, which takes longer than a store may be silent.
    const newcomer = await locks.acquire('another', { waitTime: 50_000 });
    expect(newcomer.isHeld()).toBe(true);
    expect((await released).filter((ours) => !ours).length).toBe(0);
    await newcomer.release();
    await locks.close();
    expect(unavailable.events).toEqual([]);
    expect(failed.events).toEqual([]);
    expect(await admin.dbsize()).toBe(0);
  }, 60_000);

  it('No leftover: of 100 000 requests for one key those beyond maxWaiters are told "busy" at once', async () => {
    const { locks, admin } = stand;
    const holder = await locks.acquire('hot');
    const reasons = new Map<string, number>();
    const waiting = all(100_000, (i) =>
      locks
        .using('hot', { waitTime: 60_000 }, () => i)
        .then(
          () => count('served'),
          (error: unknown) => count((error as { reason: string }).reason),
        ),
    );
    function count(what: string): void {
      reasons.set(what, (reasons.get(what) ?? 0) + 1);
    }
    await until('told', () => reasons.get('full') === 90_000, 20_000);
    await holder.release();
    await waiting;
    expect(Object.fromEntries(reasons)).toEqual({ full: 90_000, served: 10_000 });
    await until('no key', async () => (await admin.dbsize()) === 0);
  }, 60_000);
});
