import { Cluster, Redis } from 'ioredis';

import { RedisStore } from '../../lib/stores/redis/redis-store.js';
import { startCluster, type RedisCluster } from '../support/redis-cluster.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { sleep } from '../support/until.js';
import { describeLockStore } from './lock-store.contract.js';
import type { StoreHarness } from './store-harness.js';

function harnessOf(
  connect: () => Redis | Cluster,
  nodes: () => readonly RedisServer[],
): StoreHarness {
  const clients = [connect(), connect()];
  const [store, other] = clients.map(
    (client) => new RedisStore({ client, keyPrefix: 'lock', ownsClient: false }),
  );
  return {
    store: store!,
    other: other!,
    now: () => performance.now(),
    pass: sleep,
    leftovers: async () => {
      const keys = await Promise.all(nodes().map((node) => command(node, 'KEYS', '*')));
      return keys.flat() as string[];
    },
    stop: async () => {
      await Promise.all([store!.close(), other!.close()]);
      for (const client of clients) client.disconnect();
      await Promise.all(nodes().map((node) => command(node, 'FLUSHALL')));
    },
  };
}

async function command(node: RedisServer, ...args: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(node.url);
  try {
    return await client.call(...args);
  } finally {
    client.disconnect();
  }
}

describe('one server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  describeLockStore('RedisStore', async () =>
    harnessOf(
      () => new Redis(server.url),
      () => [server],
    ),
  );
});

describe('a Cluster of three', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.stop());

  describeLockStore('RedisStore', async () =>
    harnessOf(
      () => new Cluster([...cluster.startupNodes]),
      () => cluster.nodes,
    ),
  );
});
