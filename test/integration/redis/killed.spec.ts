import { Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { ask, request, release } from '../../support/callers.js';
import { startChild } from '../../support/child.js';
import { untilHeard } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

describe('a process that is killed', () => {
  let server: RedisServer;
  let client: Redis;
  let store: RedisStore;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  beforeEach(() => {
    store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
  });
  afterEach(async () => {
    await store.close();
    expect(await client.dbsize()).toBe(0);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  it('Dead peers: the next is in within 300 ms of the end of the lease of a killed holder', async () => {
    const holder = startChild('integration/redis/children/caller.child.ts', {
      url: server.url,
      key: 'order:42',
      leaseTime: 1_500,
    });
    const { token } = await holder.next<{ token: number }>();
    const attempt = ask(store, request('order:42', { leaseTime: 10_000 }));
    await until('waiting', async () => (await store.inspect('order:42')).waiting === 1);

    holder.kill('SIGKILL');
    await holder.ended;
    const asked = performance.now();
    const [held] = (await store.inspect('order:42')).holders;
    const answered = performance.now();
    const grant = await attempt.granted;
    const entered = performance.now();

    expect(held?.remainingMs).toBeGreaterThan(0);
    expect(entered).toBeGreaterThan(asked + held!.remainingMs - 2);
    expect(entered).toBeLessThan(answered + held!.remainingMs + 300);
    expect(grant!.token).toBeGreaterThan(token);
    expect(await release(store, grant!)).toBe(true);
  });

  it('Dead peers: so is one who joined the queue before that holder was granted', async () => {
    const first = await ask(store, request('order:42', { leaseTime: 1_500 })).granted;
    const holder = startChild('integration/redis/children/caller.child.ts', {
      url: server.url,
      key: 'order:42',
      leaseTime: 1_500,
    });
    const waiting = (count: number) => async () =>
      (await store.inspect('order:42')).waiting === count;
    const renewing = setInterval(() => {
      void Promise.allSettled(store.extend([{ grant: first!, leaseTime: 1_500 }]));
    }, 300);
    await until('the child waiting', waiting(1), 20_000);
    const attempt = ask(store, request('order:42', { leaseTime: 1_500 }));
    await until('two waiting', waiting(2));

    clearInterval(renewing);
    await release(store, first!);
    await holder.next();
    holder.kill('SIGKILL');
    await holder.ended;
    const [held] = (await store.inspect('order:42')).holders;
    const answered = performance.now();
    const grant = await attempt.granted;

    expect(held?.remainingMs).toBeGreaterThan(0);
    expect(performance.now()).toBeLessThan(answered + held!.remainingMs + 300);
    expect(await release(store, grant!)).toBe(true);
  });

  it('Dead peers: a waiter that was killed is not waited for', async () => {
    const grant = await ask(store, request('order:42', { leaseTime: 60_000 })).granted;
    const waiter = startChild('integration/redis/children/caller.child.ts', {
      url: server.url,
      key: 'order:42',
      leaseTime: 60_000,
    });
    await until(
      'the child waiting',
      async () => (await store.inspect('order:42')).waiting === 1,
      20_000,
    );
    const next = ask(store, request('order:42', { leaseTime: 60_000 }));
    await until('two waiting', async () => (await store.inspect('order:42')).waiting === 2);

    // Once it has proved that it hears, which takes it a round trip, silence means that it is gone.
    await untilHeard(server.url, 'lock:order:42');

    waiter.kill('SIGKILL');
    await waiter.ended;
    const released = performance.now();
    expect(await release(store, grant!)).toBe(true);
    const inherited = await next.granted;

    expect(performance.now() - released).toBeLessThan(300);
    expect(await store.inspect('order:42')).toMatchObject({ waiting: 0 });
    expect(await release(store, inherited!)).toBe(true);
  });
});
