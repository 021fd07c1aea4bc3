import { Redis, type Cluster } from 'ioredis';

import type { StoreTraits } from '../../lib/stores/lock-store.js';
import { RedisStore } from '../../lib/stores/redis/redis-store.js';
import type { RedisServer } from '../support/redis-server.js';
import { sleep } from '../support/until.js';
import type { StoreHarness } from './store-harness.js';

export const TRAITS: StoreTraits = { localHandOver: true, leases: 'each' };

/** What a released key may leave for a moment has gone by then, in ms. */
const MOMENT = 1_000;

/** Two stores as two processes would have them, each over a client of its own. */
export function harnessOf(
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
