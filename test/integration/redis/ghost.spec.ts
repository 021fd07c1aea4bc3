import { Redis } from 'ioredis';

import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

describe('a waiter that leaves while Redis refuses to hear of it', () => {
  let server: RedisServer;
  let admin: Redis;
  let services: LockService[];
  beforeEach(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
    services = await Promise.all(
      [0, 1, 2].map(async () => {
        const store = await RedisStore.open({ connection: server.url });
        return new LockService({ store, leaseTime: 1_000 });
      }),
    );
  });
  afterEach(async () => {
    await Promise.all(services.map((service) => service.close()));
    admin.disconnect();
    await server.stop();
  });

  it('No leftover: does not keep the key from the next one for its claim', async () => {
    const [holder, leaver, next] = services as [LockService, LockService, LockService];
    const held = await holder.acquire('k', { leaseTime: 60_000 });
    const caller = new AbortController();
    const options = { waitTime: 60_000, signal: caller.signal, fair: true };
    const left = expect(leaver.acquire('k', options)).rejects.toMatchObject({
      code: 'LOCK_ABORTED',
    });
    await until('its place', async () => (await holder.inspect('k')).waiting === 1);
    await admin.call('ACL', 'SETUSER', 'default', '-@scripting');
    caller.abort();
    await left;
    // Longer than the leave is tried again.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await admin.call('ACL', 'SETUSER', 'default', '+@all');

    const granted = next.acquire('k', { waitTime: 20_000 });
    await until('the next one', async () => (await holder.inspect('k')).waiting >= 1);
    const released = performance.now();
    await held.release();
    await (await granted).release();
    // A claim is a second here.
    expect(performance.now() - released).toBeLessThan(700);
  });
});
