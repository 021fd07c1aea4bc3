import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { MemoryStore } from '../../../../lib/stores/memory/memory-store.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';
import { ask, giveUp, request } from '../../../support/callers.js';

/** Uses a store in every way, closes it, and must then end by itself. */
const { url } = childConfig() as { url: string | undefined };
const store =
  url === undefined
    ? new MemoryStore()
    : new RedisStore({ client: new Redis(url), keyPrefix: 'lock', ownsClient: true });
const locks = new LockService({ store, leaseTime: 30_000, waitTime: 5_000, shutdownTimeout: 200 });

await Promise.all(Array.from({ length: 20 }, () => locks.using('contended', () => undefined)));
const held = await locks.acquire('held');
await locks.tryAcquire('held', { waitTime: 0 });
const late = locks.acquire('held', { waitTime: 50 }).catch((error: unknown) => error);
await late;
await held.release();
const waiting = ask(store, request('a', { leaseTime: 30_000 }));
await waiting.granted;
const left = ask(store, request('a', { leaseTime: 30_000 }));
left.leave();
await giveUp(store, waiting);
await locks.acquire('never released');
await locks.onApplicationShutdown();
await tellParent({ closed: true });
process.disconnect();
