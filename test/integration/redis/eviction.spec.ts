import { LockService } from '../../../lib/lock/lock.service.js';
import { LockLostError } from '../../../lib/lock/lock.errors.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { until } from '../../support/until.js';
import { NotedLog, openSite, type Site } from './site.js';

describe('a Redis that may evict locks', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  const POLICIES = ['allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-ttl'];

  it.each(POLICIES)('No silent loss: %s is warned of once, at the start', async (policy) => {
    await site.admin.config('SET', 'maxmemory-policy', policy);
    const log = new NotedLog();
    const store = await RedisStore.open({ connection: site.server.url, log });
    store.greet();
    await until('a warning', () => log.lines.length > 0);
    const back = new Promise<void>((resolve) => store.onRecovery(resolve));
    await site.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await back;
    await store.inspect('order:42');

    const warnings = log.lines.filter((line) => line.startsWith('warn'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`maxmemory-policy ${policy}`);
    await store.close();
  });

  it('is not warned of with noeviction, nor where INFO is forbidden', async () => {
    const log = new NotedLog();
    const fine = await RedisStore.open({ connection: site.server.url, log });
    await fine.inspect('order:42');
    await site.admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await site.admin.call('ACL', 'SETUSER', 'app', 'on', '>pw', '+@all', '-info', '~*', '&*');
    const connection = { port: site.server.port, username: 'app', password: 'pw' };
    const quiet = await RedisStore.open({ connection, log });
    await quiet.inspect('order:42');
    await Promise.all([fine.close(), quiet.close()]);

    expect(log.lines.filter((line) => line.includes('evict'))).toEqual([]);
  });

  it('No silent loss: a lock that was evicted is told as lost', async () => {
    const { admin, there } = site;
    const locks = new LockService({ store: there.store, leaseTime: 900, ownsStore: false });
    const work = locks.using('order:42', async (lock) => {
      await admin.config('SET', 'maxmemory-policy', 'allkeys-random');
      await admin.config('SET', 'maxmemory', '1');
      // Any command that wants memory makes room first.
      await admin.set('filler', 'x').catch(() => undefined);
      expect(await admin.exists('lock:order:42')).toBe(0);
      await admin.config('SET', 'maxmemory', '0');
      await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
      expect(lock.isHeld()).toBe(false);
    });

    await expect(work).rejects.toThrow(LockLostError);
    await locks.close();
  });
});
