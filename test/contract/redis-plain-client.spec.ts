import { Redis } from 'ioredis';

import { startCluster, type RedisCluster } from '../support/redis-cluster.js';
import { describeLockStore } from './lock-store.contract.js';
import { harnessOf, TRAITS } from './redis-harness.js';

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
