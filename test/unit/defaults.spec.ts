import { LockService } from '../../lib/lock/lock.service.js';
import { LOCK_DEFAULTS } from '../../lib/lock/lock-options.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { ManualClock } from '../support/manual-clock.js';

describe('`undefined` for an option is its default', () => {
  let clock: ManualClock;
  let locks: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    locks = new LockService({
      store: new MemoryStore({ clock }),
      clock,
      ownsStore: undefined,
      leaseTime: undefined,
      waitTime: undefined,
      fair: undefined,
      handOver: undefined,
      unavailableAfter: undefined,
      shutdownTimeout: undefined,
      maxWaiters: undefined,
    });
  });
  afterEach(() => locks.close());

  const NOTHING = {
    leaseTime: undefined,
    waitTime: undefined,
    maxHoldTime: undefined,
    fair: undefined,
    signal: undefined,
  };

  it.each([[undefined], [{}], [NOTHING]])('for a handle: %j', async (options) => {
    const begun = clock.wall();
    const lock = await locks.acquire('order:1', options);
    expect(lock.expiresAt).toBeGreaterThan(begun + LOCK_DEFAULTS.leaseTime * 0.98);
    expect(lock.expiresAt).toBeLessThan(begun + LOCK_DEFAULTS.leaseTime);

    const told = locks.acquire('order:1', options).catch((error: unknown) => error);
    await clock.advanceAndSettle(LOCK_DEFAULTS.waitTime);
    expect(await told).toMatchObject({ code: 'LOCK_BUSY', waitedMs: LOCK_DEFAULTS.waitTime });
    expect(await locks.tryAcquire('order:1', options)).toBeNull();
    await lock.release();
  });

  it('for a scope, which is renewed as long as it runs', async () => {
    const options = { ...NOTHING, whenUnavailable: undefined };
    const held = await locks.using('order:1', options, async (lock) => {
      await clock.advanceAndSettle(3_600_000);
      return lock.isHeld();
    });
    expect(held).toBe(true);
    expect(await locks.using(['a', 'b'], options, ({ keys }) => keys)).toEqual(['a', 'b']);
  });

  it('for a handle that is forgotten, which is given back after ten minutes', async () => {
    const lock = await locks.acquire('order:1', NOTHING);
    await clock.advanceAndSettle(599_000);
    expect(lock.isHeld()).toBe(true);
    await clock.advanceAndSettle(1_000);
    expect(lock.isHeld()).toBe(false);
    await (await locks.acquire('order:1', { waitTime: 0 })).release();
  });

  it('for a list of locks', async () => {
    expect(await locks.list({ prefix: undefined, cursor: undefined, limit: undefined })).toEqual({
      locks: [],
      cursor: undefined,
    });
  });
});
