import { Redis } from 'ioredis';

import { LockService } from '../../../lib/lock/lock.service.js';
import { LockAbortedError, LockBusyError } from '../../../lib/lock/lock.errors.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { allKeys } from '../../support/redis-probe.js';
import { until } from '../../support/until.js';

describe('several keys', () => {
  let server: RedisServer;
  let clients: Redis[];
  let here: LockService;
  let there: LockService;

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => {
    clients = [new Redis(server.url), new Redis(server.url)];
    [here, there] = clients.map((client) => {
      const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
      return new LockService({ store, leaseTime: 30_000, waitTime: 5_000 });
    }) as [LockService, LockService];
  });
  afterEach(async () => {
    await Promise.all([here, there].map((locks) => locks.onApplicationShutdown()));
    for (const client of clients) client.disconnect();
    expect(await allKeys(server.url)).toEqual([]);
  });
  afterAll(() => server.stop());

  const heldKeys = async (): Promise<string[]> => (await allKeys(server.url)).sort();

  it('No leftover: a failed attempt leaves none of them locked', async () => {
    const other = await there.acquire('b');

    await expect(here.acquireAll(['c', 'b', 'a'], { waitTime: 0 })).rejects.toThrow(LockBusyError);
    await expect(here.acquireAll(['a', 'b'], { waitTime: 100 })).rejects.toThrow(LockBusyError);

    expect(await heldKeys()).toEqual(['0/lock:b']);
    expect(await other.release()).toBe(true);
  });

  it('No leftover: nor does one that was called off while it waited', async () => {
    const other = await there.acquire('b');
    const caller = new AbortController();
    const attempt = here.acquireAll(['a', 'b', 'c'], { signal: caller.signal });
    const refused = expect(attempt).rejects.toThrow(LockAbortedError);
    await until('in the queue of b', async () => (await there.inspect('b')).waiting === 1);

    caller.abort();
    await refused;

    await until('only b held', async () => (await heldKeys()).join() === '0/lock:b');
    expect(await other.release()).toBe(true);
  });

  it('No leftover: nor does the task of `using` that throws', async () => {
    const failure = new Error('mine');
    await expect(
      here.using(['a', 'b'], async () => {
        expect(await heldKeys()).toEqual(['0/lock:a', '0/lock:b']);
        throw failure;
      }),
    ).rejects.toBe(failure);
  });

  it('all are held, once each, in the order of the keys', async () => {
    const taken = await here.acquireAll(['b', 'a', 'b']);

    expect(taken.keys).toEqual(['a', 'b']);
    expect(await heldKeys()).toEqual(['0/lock:a', '0/lock:b']);
    expect(await taken.release()).toBe(true);
  });

  it('overlapping sets in opposite order do not stop each other', async () => {
    const visits = { here: 0, there: 0 };
    const rounds = Array.from({ length: 20 });
    await Promise.all([
      ...rounds.map(() => here.using(['a', 'b', 'c'], async () => void (visits.here += 1))),
      ...rounds.map(() => there.using(['c', 'b', 'a'], async () => void (visits.there += 1))),
    ]);

    expect(visits).toEqual({ here: 20, there: 20 });
  });
});
