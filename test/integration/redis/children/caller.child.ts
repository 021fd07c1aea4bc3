import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';

/** Takes one key, says so, and holds it until somebody kills this process. */
const { url, key, leaseTime } = childConfig() as { url: string; key: string; leaseTime: number };
const store = new RedisStore({ client: new Redis(url), keyPrefix: 'lock', ownsClient: true });
const locks = new LockService({ store, leaseTime, waitTime: 60_000 });
const lock = await locks.acquire(key);
await tellParent({ token: lock.token });
setInterval(() => undefined, 60_000);
