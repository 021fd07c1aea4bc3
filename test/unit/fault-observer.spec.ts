import { Redis } from 'ioredis';
import { holderOf } from '../faults/arena/observer.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';

const LOCK = 'lock:k';
/** Of a waiter: its arrival in µs. */
const ARRIVAL = 1.7e15;

describe('the observer of the fault campaign', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.port);
  });
  beforeEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('sees who holds a lock that nobody waits for', async () => {
    await redis.set(LOCK, 'pod:1.a 17', 'PX', 10_000);
    expect(await holderOf(redis, LOCK)).toBe('pod:1.a 17');
  });

  it('sees the same holder when somebody waits', async () => {
    const inLease = Date.now() + 10_000;
    await redis.zadd(LOCK, -17, '#', inLease, 'pod:1.a 17', ARRIVAL, 'pod:2.b 400 1');
    expect(await holderOf(redis, LOCK)).toBe('pod:1.a 17');
  });

  it('sees nobody where there is only a token, a waiter, or the end of a lease', async () => {
    expect(await holderOf(redis, LOCK)).toBeUndefined();
    await redis.set(LOCK, 'free 17', 'PX', 1_000);
    expect(await holderOf(redis, LOCK)).toBeUndefined();
    await redis.del(LOCK);
    await redis.zadd(LOCK, -17, '#', Date.now() - 1, 'pod:1.a 17', ARRIVAL, 'pod:2.b 400 1');
    expect(await holderOf(redis, LOCK)).toBeUndefined();
  });
});
