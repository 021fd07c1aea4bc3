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
  acquire(key: string, options?: object): Promise<Lock>;
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

const modes: Partial<Record<VariantName, object>> = {
  shared: { mode: 'shared' },
  'limit 8': { limit: 8 },
};

async function open(target: Target, variant: VariantName): Promise<LockAdapter<Lock>> {
  const { LockService, RedisStore } = await built();
  const client: Redis = await connect(target);
  const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
  const { leaseTime, waitTime } = target;
  const locks = new LockService({ store, leaseTime, waitTime, fair: variant === 'fair' });
  const mode = modes[variant];
  return {
    acquire: (key) => locks.acquire(key, mode),
    release: (lock) => lock.release(),
    token: (lock) => lock.token,
    acquireRenewed: (key): Promise<RenewedLock> => locks.acquire(key),
    async close() {
      await Promise.race([store.close(), new Promise((resolve) => setTimeout(resolve, 500))]);
      client.disconnect();
    },
  };
}

/** Locks that several hold together. */
export const nestLockedModes: Library = {
  name: 'nest-locked modes',
  kind: 'ours',
  asks: 'script',
  variants: [
    { name: 'shared', settings: `mode: 'shared'` },
    { name: 'limit 8', settings: 'limit: 8' },
  ],
  open,
};

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
