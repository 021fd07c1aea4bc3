import { Redis } from 'ioredis';

import { startChild } from '../../support/child.js';
import { until } from '../../support/until.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import type { Leftovers, LeftoversConfig } from './children/leftovers.child.js';

describe('nothing is left', () => {
  let server: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  it.each([
    { kind: 'distinct keys', rounds: 100_000, warmUp: 10_000 },
    { kind: 'locks held at once', rounds: 100_000, warmUp: 10_000 },
    { kind: 'timed-out waits', rounds: 10_000, warmUp: 2_000 },
    { kind: 'aborted waits', rounds: 10_000, warmUp: 2_000 },
  ] as const)(
    'No leftover: $rounds $kind leave heap, timers and listeners as they were, and no key',
    async (load) => {
      const config: LeftoversConfig = { url: server.url, ...load };
      const child = startChild('integration/holding/children/leftovers.child.ts', config);
      const { heap, before, after } = await child.next<Leftovers>();
      expect(await child.ended).toMatchObject({ code: 0, stderr: '' });
      expect(after).toEqual(before);
      expect(heap / 2 ** 20).toBeLessThan(2);
      // The last token of a key may be kept for a second at most, until the clock has passed it.
      await until('no key', async () => (await admin.dbsize()) === 0, 3_000);
    },
    60_000,
  );
});
