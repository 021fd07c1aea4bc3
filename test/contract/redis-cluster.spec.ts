import { Cluster } from 'ioredis';

import { startCluster, type RedisCluster } from '../support/redis-cluster.js';
import { describeLockStore } from './lock-store.contract.js';
import { harnessOf, TRAITS } from './redis-harness.js';

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
