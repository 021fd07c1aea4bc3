import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';

export interface BlockedConfig {
  readonly url: string;
  readonly key: string;
  /** How long it does nothing else once it has the lock, in ms. */
  readonly block: number;
}

export interface Blocked {
  /** When it went on, in ms since the epoch. */
  readonly wentOnAt: number;
  /** Whether it believes then that it has the lock. */
  readonly isHeld: boolean;
  readonly released: boolean;
}

/** Takes a lock, and blocks its event loop as the first thing that it does with it. */
const { url, key, block } = childConfig() as BlockedConfig;
const client = new Redis(url);
const locks = new LockService({ store: new RedisStore({ client }) });

// What comes later is not to be slowed down by what a process does once.
await locks.using('warm', () => undefined);
await tellParent({ ready: true });
const lock = await locks.acquire(key, { leaseTime: 60_000, waitTime: 60_000 });
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, block);
const wentOnAt = Date.now();
const isHeld = lock.isHeld();
await tellParent({ wentOnAt, isHeld, released: await lock.release() } satisfies Blocked);
await locks.close();
client.disconnect();
process.disconnect();
