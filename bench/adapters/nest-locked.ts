import type { Redis } from 'ioredis';
import type { Library, LockAdapter, RenewedLock, Target, VariantName } from '../runner/library.js';
import { load } from '../runner/library.js';
import { connect } from './client.js';

interface Lock {
  readonly token: number;
  isHeld(): boolean;
  release(): Promise<boolean>;
}

interface Service {
  acquire(key: string): Promise<Lock>;
}

interface Built {
  LockService: new (options: object) => Service;
  RedisStore: new (options: object) => { close(): Promise<void> };
}

/** The built package, as its users get it: the sources through tsx would be another program. */
async function built(): Promise<Built> {
  const dist = new URL('../../dist/esm/', import.meta.url);
  const [{ LockService }, { RedisStore }] = await Promise.all([
    load<Built>(new URL('lock/lock.service.js', dist).href),
    load<Built>(new URL('stores/redis/redis-store.js', dist).href),
  ]);
  return { LockService, RedisStore };
}

async function open(target: Target, variant: VariantName): Promise<LockAdapter<Lock>> {
  const { LockService, RedisStore } = await built();
  const client: Redis = await connect(target);
  const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
  const { leaseTime, waitTime } = target;
  const locks = new LockService({ store, leaseTime, waitTime, fair: variant === 'fair' });
  return {
    acquire: (key) => locks.acquire(key),
    release: (lock) => lock.release(),
    token: (lock) => lock.token,
    acquireRenewed: (key): Promise<RenewedLock> => locks.acquire(key),
    async close() {
      await Promise.race([store.close(), new Promise((resolve) => setTimeout(resolve, 500))]);
      client.disconnect();
    },
  };
}

export const nestLocked: Library = {
  name: 'nest-locked',
  kind: 'ours',
  asks: 'script',
  variants: [
    { name: 'default', settings: 'as the package comes; waits as long as the run lasts' },
    { name: 'fair', settings: 'fair: true, strict order of arrival across all processes' },
  ],
  open,
};
