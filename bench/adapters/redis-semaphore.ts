import type { Redis } from 'ioredis';
import { load, type Library, type LockAdapter } from '../runner/library.js';
import { connect, polling } from './client.js';

interface Mutex {
  acquire(): Promise<void>;
  release(): Promise<void>;
  readonly isAcquired: boolean;
}

interface Options {
  lockTimeout: number;
  acquireTimeout?: number;
  retryInterval?: number;
  onLockLost?: () => void;
}

/** Its semaphore: who may enter is decided by polling. */
export const redisSemaphoreOf8: Library = {
  name: 'redis-semaphore Semaphore',
  kind: 'peer',
  package: 'redis-semaphore',
  asks: 'script',
  variants: [
    { name: 'limit 8', settings: 'Semaphore of 8, retryInterval 5, waits for the whole wait' },
  ],
  async open(target): Promise<LockAdapter<Mutex>> {
    const { Semaphore } = await load<{
      Semaphore: new (c: Redis, k: string, limit: number, o: Options) => Mutex;
    }>('redis-semaphore');
    const client = await connect(target);
    const options: Options = {
      lockTimeout: target.leaseTime,
      retryInterval: polling(target).delay,
      acquireTimeout: target.waitTime,
      onLockLost() {},
    };
    return {
      async acquire(key) {
        const semaphore = new Semaphore(client, key, 8, options);
        await semaphore.acquire();
        return semaphore;
      },
      release: (semaphore) => semaphore.release(),
      close: () => client.disconnect(),
    };
  },
};

export const redisSemaphore: Library = {
  name: 'redis-semaphore',
  kind: 'peer',
  package: 'redis-semaphore',
  asks: 'SET',
  variants: [
    { name: 'default', settings: 'Mutex: retryInterval 10, gives up after 10 s, renews at 80 %' },
    { name: 'tuned', settings: 'retryInterval 5, waits for the whole wait' },
  ],
  async open(target, variant): Promise<LockAdapter<Mutex>> {
    const { Mutex } = await load<{ Mutex: new (c: Redis, k: string, o: Options) => Mutex }>(
      'redis-semaphore',
    );
    const client = await connect(target);
    const options: Options = { lockTimeout: target.leaseTime, onLockLost() {} };
    if (variant === 'tuned') {
      options.retryInterval = polling(target).delay;
      options.acquireTimeout = target.waitTime;
    }
    const acquire = async (key: string): Promise<Mutex> => {
      const mutex = new Mutex(client, key, options);
      await mutex.acquire();
      return mutex;
    };
    return {
      acquire,
      release: (mutex) => mutex.release(),
      async acquireRenewed(key) {
        const mutex = await acquire(key);
        return { isHeld: () => mutex.isAcquired, release: () => mutex.release() };
      },
      close: () => client.disconnect(),
    };
  },
};
