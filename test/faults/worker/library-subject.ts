import { LockError } from '../../../lib/lock/lock.errors.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import type { Outcome } from '../history.js';
import type { HeldLock, Subject } from './subject.js';

/** The library, as the module would build it. */
export async function librarySubject(url: string): Promise<Subject> {
  const store = await RedisStore.open({ connection: url });
  store.greet();
  const locks = new LockService({ store, leaseTime: 1_000, waitTime: 1_000 });
  return {
    acquire: ({ key, ...options }) => locks.acquire(key, options),
    tryAcquire: ({ key, leaseTime, fair }) => locks.tryAcquire(key, { leaseTime, fair }),
    acquireAll: (keys, { leaseTime, waitTime, fair }) =>
      locks.acquireAll(keys, { leaseTime, waitTime, fair }),
    using: ({ key, ...options }, task) => locks.using(key, options, task),
    outcomeOf,
    close: () => locks.close(),
  };
}

/** The library by one who does not listen to it: what a lock that never admits a loss would do. */
export async function deafSubject(url: string): Promise<Subject> {
  const subject = await librarySubject(url);
  return {
    ...subject,
    acquire: async (ask) => deafened(await subject.acquire(ask)),
    tryAcquire: async (ask) => deafened(await subject.tryAcquire(ask)),
    acquireAll: async (keys, ask) => (await subject.acquireAll(keys, ask)).map(deafened),
    using: (ask, task) => subject.using(ask, (lock) => task(deafened(lock))),
  };
}

function deafened<T extends HeldLock | null>(lock: T): T {
  if (lock) Object.defineProperty(lock, 'isHeld', { value: () => true });
  return lock;
}

function outcomeOf(error: unknown): Outcome {
  const code = error instanceof LockError ? error.code : undefined;
  if (code === 'LOCK_BUSY') return 'busy';
  if (code === 'LOCK_ABORTED') return 'aborted';
  if (code === 'LOCK_UNAVAILABLE') return 'unavailable';
  return 'wrong';
}
