import { Redis } from 'ioredis';
import { holdersOf } from '../faults/arena/observer.js';
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
    expect(await holdersOf(redis, LOCK)).toEqual(['pod:1.a 17']);
  });

  it('sees the same holder when somebody waits', async () => {
    const inLease = Date.now() + 10_000;
    await redis.zadd(LOCK, -17, '#', inLease, 'pod:1.a 17', ARRIVAL, 'pod:2.b 400 1');
    expect(await holdersOf(redis, LOCK)).toEqual(['pod:1.a 17']);
  });

  it('sees all who hold it together', async () => {
    const inLease = Date.now() + 10_000;
    await redis.zadd(LOCK, -18, '#', inLease, 'pod:1.aS 17', inLease + 1, 'pod:2.bS 18');
    expect(await holdersOf(redis, LOCK)).toEqual(['pod:1.aS 17', 'pod:2.bS 18']);
  });

  it('sees nobody where there is only a token, a waiter, or the end of a lease', async () => {
    expect(await holdersOf(redis, LOCK)).toEqual([]);
    await redis.set(LOCK, 'free 17', 'PX', 1_000);
    expect(await holdersOf(redis, LOCK)).toEqual([]);
    await redis.del(LOCK);
    await redis.zadd(LOCK, -17, '#', Date.now() - 1, 'pod:1.a 17', ARRIVAL, 'pod:2.b 400 1');
    expect(await holdersOf(redis, LOCK)).toEqual([]);
  });
});
