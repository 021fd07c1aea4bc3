import { Cluster, Redis } from 'ioredis';

import type { StoreTraits } from '../../lib/stores/lock-store.js';
import { RedisStore } from '../../lib/stores/redis/redis-store.js';
import { startCluster, type RedisCluster } from '../support/redis-cluster.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { sleep } from '../support/until.js';
import { describeLockStore } from './lock-store.contract.js';
import type { StoreHarness } from './store-harness.js';

const TRAITS: StoreTraits = { localHandOver: true, leases: 'each' };

/** What a released key may leave for a moment has gone by then, in ms. */
const MOMENT = 1_000;

function harnessOf(
  connect: () => Redis | Cluster,
  nodes: () => readonly RedisServer[],
): StoreHarness {
  const clients = [connect(), connect()];
  const [store, other] = clients.map(
    (client) => new RedisStore({ client, keyPrefix: 'lock', ownsClient: false }),
  );
  const keys = async (): Promise<string[]> => {
    const found = await Promise.all(nodes().map((node) => command(node, 'KEYS', '*')));
    return found.flat() as string[];
  };
  return {
    store: store!,
    other: other!,
    now: () => performance.now(),
    pass: sleep,
    leftovers: async () => {
      const end = performance.now() + MOMENT;
      let left = await keys();
      while (left.length > 0 && performance.now() < end) left = await keys();
      return left;
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

  describeLockStore('RedisStore', TRAITS, async () =>
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

  describeLockStore('RedisStore', TRAITS, async () =>
    harnessOf(
      () => new Cluster([...cluster.startupNodes]),
      () => cluster.nodes,
    ),
  );
});

describe('a plain client in front of a server that owns all slots of a Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster(1);
  });
  afterAll(() => cluster.stop());

  it('refuses a script over keys of several slots, which is what the store has to live with', async () => {
    const client = new Redis(cluster.nodes[0]!.url);
    try {
      await expect(client.eval('return 1', 2, 'order:1', 'order:2')).rejects.toThrow('CROSSSLOT');
    } finally {
      client.disconnect();
    }
  });

  describeLockStore('RedisStore', TRAITS, async () =>
    harnessOf(
      () => new Redis(cluster.nodes[0]!.url),
      () => cluster.nodes,
    ),
  );
});
