import { Cluster, Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted, release } from '../../support/callers.js';
import { startCluster, type RedisCluster } from '../../support/redis-cluster.js';
import { allKeys, probe } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { STRANGE_KEYS } from '../../support/strange-keys.js';

const storeOn = (client: Redis | Cluster): RedisStore =>
  new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });

describe('scripts that the server has forgotten', () => {
  let server: RedisServer;
  let clients: Redis[];
  let here: Callers;
  let there: Callers;
  const flush = (): Promise<unknown> => probe(server.url, (client) => client.script('FLUSH'));

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    clients = [new Redis(server.url), new Redis(server.url)];
    [here, there] = clients.map((client) => new Callers(storeOn(client))) as [Callers, Callers];
    await flush();
  });
  afterEach(async () => {
    await Promise.all([here.store.close(), there.store.close()]);
    for (const client of clients) client.disconnect();
    expect(await allKeys(server.url)).toEqual([]);
  });
  afterAll(() => server.stop());

  it('Order: are sent again at each step of a lock', async () => {
    for (let round = 0; round < 2; round += 1) {
      const holder = await here.take('order:42');
      await flush();
      const heir = await there.waitAsNumber(1, 'order:42');
      const leaver = await there.waitAsNumber(2, 'order:42');
      await flush();
      const [renewed] = here.store.extend([{ grant: holder, leaseTime: 60_000 }]);
      expect(await renewed).not.toBeNull();
      await flush();
      leaver.leave();
      await here.untilWaiting('order:42', 1);
      await flush();
      expect(await here.store.inspect('order:42')).toMatchObject({ waiting: 1 });
      await flush();
      expect(await here.release(holder)).toBe(true);
      await flush();
      expect(await there.release(await granted(heir))).toBe(true);
      await flush();
    }
  });

  it('Exclusion: and forgets again and again under load: one inside, tokens grow, nothing is left', async () => {
    let inside = 0;
    let most = 0;
    let last = 0;
    const done = new AbortController();
    const flushing = (async () => {
      while (!done.signal.aborted) await flush();
    })();
    await Promise.all(
      Array.from({ length: 40 }, async (_, caller) => {
        const callers = caller % 2 === 0 ? here : there;
        for (let turn = 0; turn < 10; turn += 1) {
          const grant = await callers.take('order:42');
          inside += 1;
          most = Math.max(most, inside);
          expect(grant.token).toBeGreaterThan(last);
          last = grant.token;
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
          expect(await release(callers.store, grant)).toBe(true);
        }
      }),
    );
    done.abort();
    await flushing;

    expect(most).toBe(1);
  });

  it('No leftover: are sent with the first commands of a process, many at once', async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `cold:${index}`);
    const grants = await Promise.all(keys.map((key) => here.take(key)));
    expect(new Set(grants.map(({ owner }) => owner)).size).toBe(50);
    expect(await Promise.all(grants.map((grant) => here.release(grant)))).not.toContain(false);
  });
});

describe('a Cluster of three', () => {
  let cluster: RedisCluster;
  let clients: Cluster[];
  let here: Callers;
  let there: Callers;
  const onEach = <T>(ask: (client: Redis) => Promise<T>): Promise<T[]> =>
    Promise.all(cluster.nodes.map((node) => probe(node.url, ask)));
  const flush = (): Promise<unknown> => onEach((client) => client.script('FLUSH'));

  beforeAll(async () => {
    cluster = await startCluster();
  });
  beforeEach(async () => {
    clients = [0, 1].map(() => new Cluster([...cluster.startupNodes]));
    [here, there] = clients.map((client) => new Callers(storeOn(client))) as [Callers, Callers];
    await flush();
  });
  afterEach(async () => {
    await Promise.all([here.store.close(), there.store.close()]);
    for (const client of clients) client.disconnect();
    expect((await onEach((client) => client.dbsize())).flat()).toEqual([0, 0, 0]);
  });
  afterAll(() => cluster.stop());

  it('Order: every step of a lock passes a cold script cache, on every node', async () => {
    const keys = Array.from({ length: 60 }, (_, index) => `cold:${index}`);

    const grants = await Promise.all(keys.map((key) => here.take(key)));

    const held = await onEach((client) => client.dbsize());
    expect(held.reduce((sum, count) => sum + count)).toBe(60);
    expect(held.every((count) => count > 0)).toBe(true);
    await flush();
    const queue = keys.map((key) => there.wait(key));
    await Promise.all(keys.map((key) => here.untilWaiting(key, 1)));
    await flush();
    const released = await Promise.all(grants.map((grant) => here.release(grant)));
    expect(released).not.toContain(false);
    await flush();
    const heirs = await Promise.all(queue.map(granted));
    await flush();
    const gone = await Promise.all(heirs.map((grant) => there.release(grant)));
    expect(gone).not.toContain(false);
  });

  it('Identity: strange keys are locks of their own, braces and all', async () => {
    const grants = await Promise.all(STRANGE_KEYS.map((key) => here.take(key)));
    const queue = STRANGE_KEYS.map((key) => there.wait(key));
    await Promise.all(STRANGE_KEYS.map((key) => here.untilWaiting(key, 1)));

    for (const grant of grants) expect(await here.release(grant)).toBe(true);
    for (const attempt of queue) expect(await there.release(await granted(attempt))).toBe(true);
  });
});
