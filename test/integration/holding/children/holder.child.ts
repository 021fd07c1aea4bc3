import { subscribe } from 'node:diagnostics_channel';
import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';

/**
 * Holds twenty locks and forgets them, while the server is taken away for good. There is no handler
 * for what nobody handles: it would end the process.
 */
const { url } = childConfig() as { url: string };
const client = new Redis(url, { retryStrategy: () => 30 });
client.on('error', () => undefined);
const store = new RedisStore({ client, answerTimeout: 300 });
const locks = new LockService({ store, leaseTime: 600, shutdownTimeout: 100 });

let lost = 0;
const all = new Promise<void>((resolve) => {
  subscribe('nest-locked:lost', () => {
    lost += 1;
    if (lost === 20) resolve();
  });
});
const held = await Promise.all(
  Array.from({ length: 20 }, (_, i) => locks.acquire(`order:${String(i)}`)),
);
// Some have listeners, some have waiters, some are forgotten.
held.slice(0, 5).forEach((lock) => lock.signal.addEventListener('abort', () => undefined));
const waiting = held
  .slice(5, 10)
  .map(({ key }) => locks.acquire(key, { waitTime: 1_500, fair: true }));
const codes = Promise.all(
  waiting.map((one) =>
    one.then(
      () => 'granted',
      (error: unknown) => (error as { code: string }).code,
    ),
  ),
);
await tellParent({ ready: true });
await all;
await Promise.all(held.slice(10, 15).map((lock) => lock.release()));
await tellParent({ lost, codes: await codes });
await locks.close();
client.disconnect();
process.disconnect();
