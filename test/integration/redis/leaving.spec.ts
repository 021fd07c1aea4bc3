import { Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { freePort, startRedis, type RedisServer } from '../../support/redis-server.js';
import { allKeys } from '../../support/redis-probe.js';
import { until, watch } from '../../support/until.js';
import { ask, request, release } from '../../support/callers.js';

const LEASE = 60_000;

/** Attempts that are given up while their command is somewhere on the way. */
describe('an attempt that is given up', () => {
  let server: RedisServer;
  let client: Redis;
  let store: RedisStore;
  let admin: Redis;

  beforeEach(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
    client = new Redis(server.url, { retryStrategy: () => 20 });
    store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
    await client.ping();
  });
  afterEach(async () => {
    await store.close();
    client.disconnect();
    admin.disconnect();
    await server.stop();
  });

  const start = (wait = true) => ask(store, request('order:42', { leaseTime: LEASE, wait }));

  it('No leftover: leaves no key when it is in flight', async () => {
    const attempt = start();
    const seen = watch(attempt.granted);
    // The bytes are with the kernel, the reply cannot be here before the next turn.
    await Promise.resolve();
    attempt.leave();

    await until('the key gone', async () => (await allKeys(server.url)).length === 0);
    await client.ping();
    expect(seen.settled).toBe(false);
    expect(await allKeys(server.url)).toEqual([]);
  });

  it('No leftover: leaves no key when a paused server executes it later', async () => {
    await admin.call('CLIENT', 'PAUSE', '400', 'ALL');
    const attempts = [start(), start(false), start()];
    const seen = attempts.map((attempt) => watch(attempt.granted));
    // By then they are with the kernel.
    await new Promise((resolve) => setImmediate(resolve));
    for (const attempt of attempts) attempt.leave();

    // Answered when the pause is over, and after what was sent before it.
    await client.ping();
    await until('the key gone', async () => (await allKeys(server.url)).length === 0);
    const next = await start().granted;
    expect(await release(store, next!)).toBe(true);
    expect(seen.every(({ settled }) => !settled)).toBe(true);
    expect(await allKeys(server.url)).toEqual([]);
  });

  it('No leftover: leaves the queue of a paused server', async () => {
    const holder = await start().granted;
    const waiter = start();
    await until('in the queue', async () => (await store.inspect('order:42')).waiting === 1);
    await admin.call('CLIENT', 'PAUSE', '300', 'ALL');
    waiter.leave();

    await client.ping();
    await until('the queue empty', async () => (await store.inspect('order:42')).waiting === 0);
    expect(await release(store, holder!)).toBe(true);
    expect(await allKeys(server.url)).toEqual([]);
  });

  it('No leftover: leaves no key when it was asked before the first connection', async () => {
    const port = await freePort();
    const offline = new Redis(port, '127.0.0.1', {
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    offline.on('error', () => {});
    const away = new RedisStore({ client: offline, keyPrefix: 'lock', ownsClient: false });
    const attempt = ask(away, request('order:42', { leaseTime: LEASE }));
    const seen = watch(attempt.granted);
    await until('tried in vain', () => offline.status === 'reconnecting');
    attempt.leave();

    const late = await startRedis({ port });
    try {
      await offline.ping();
      await until('the key gone', async () => (await allKeys(late.url)).length === 0);
      expect(seen.settled).toBe(false);
      const grant = await ask(away, request('order:42', { leaseTime: LEASE })).granted;
      expect(await release(away, grant!)).toBe(true);
      expect(await allKeys(late.url)).toEqual([]);
    } finally {
      await away.close();
      offline.disconnect();
      await late.stop();
    }
  });

  it('No leftover: leaves no key when the server hangs', async () => {
    server.pause();
    const attempts = Array.from({ length: 20 }, () => start());
    // By then they are with the kernel.
    await new Promise((resolve) => setImmediate(resolve));
    for (const attempt of attempts) attempt.leave();
    server.resume();

    await client.ping();
    await until('the keys gone', async () => (await allKeys(server.url)).length === 0);
    const next = await start().granted;
    expect(await release(store, next!)).toBe(true);
    expect(await allKeys(server.url)).toEqual([]);
  });

  it('No leftover: leaves the queue when it is cut off and the connection comes back later', async () => {
    const holder = await start().granted;
    const waiter = start();
    const seen = watch(waiter.granted);
    await until('in the queue', async () => (await store.inspect('order:42')).waiting === 1);

    const closed = new Promise((resolve) => client.once('close', resolve));
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await closed;
    waiter.leave();

    await until('the queue empty', async () => (await store.inspect('order:42')).waiting === 0);
    expect(await release(store, holder!)).toBe(true);
    expect(seen.settled).toBe(false);
    expect(await allKeys(server.url)).toEqual([]);
  });
});
