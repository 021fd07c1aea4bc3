import { Redis } from 'ioredis';

import { startRedis, type RedisServer } from '../support/redis-server.js';
import { describeLockStore } from './lock-store.contract.js';
import { harnessOf, TRAITS } from './redis-harness.js';

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
