import { LockService } from '../../../lib/lock/lock.service.js';
import { MemoryStore } from '../../../lib/stores/memory/memory-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { connect } from '../holding/stand.js';

describe('inspect and list', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const open = (): LockService => {
    const store = new RedisStore({ client: connect(server.port), ownsClient: true });
    return new LockService({ store, shutdownTimeout: 0 });
  };

  it('say how many callers wait, at least, and how many places there are in the queue on Redis', async () => {
    const [one, other] = [open(), open()];
    const lock = await one.acquire('order:1');
    const waitTime = 20_000;
    const waiting = [
      // A place for the three together, a place for the fair one; two that need none: the key is held here.
      ...[1, 2, 3].map(() => other.acquire('order:1', { waitTime })),
      one.acquire('order:1', { waitTime, fair: true }),
      ...[1, 2].map(() => one.acquire('order:1', { waitTime })),
    ];
    const all = Promise.allSettled(waiting);
    await until('in the queue', async () => (await one.inspect('order:1')).places === 2);
    // Of the other process's callers each side knows of one.
    expect(await one.inspect('order:1')).toMatchObject({ waiting: 1 + 1 + 2, places: 2 });
    expect(await other.inspect('order:1')).toMatchObject({ waiting: 3 + 1, places: 2 });
    const { locks } = await one.list({ prefix: 'order:' });
    expect(locks).toMatchObject([{ key: 'order:1', waiting: 4, places: 2 }]);
    await lock.release();
    await Promise.all([one.close(), other.close()]);
    await all;
    const last = open();
    expect(await last.inspect('order:1')).toMatchObject({ waiting: 0, places: 0, holders: [] });
    await last.close();
  });

  it('say it of a store in memory, where each caller has a place', async () => {
    const locks = new LockService({ store: new MemoryStore(), shutdownTimeout: 0 });
    await locks.acquire('order:1');
    const all = Promise.allSettled([1, 2, 3].map(() => locks.acquire('order:1')));
    expect(await locks.inspect('order:1')).toMatchObject({ waiting: 3, places: 3 });
    await locks.close();
    await all;
  });
});
