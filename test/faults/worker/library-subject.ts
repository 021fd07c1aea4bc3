import { LockError } from '../../../lib/lock/lock.errors.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { placeOf, type LockPrefix } from '../lock-names.js';
import type { Outcome } from '../history.js';
import type { Ask, Subject } from './subject.js';

/** The library, as two registrations of its module would build it. */
export async function librarySubject(url: string): Promise<Subject> {
  const services = { lock: await open(url, 'lock'), other: await open(url, 'other') };
  const at = ({ key: name, leaseTime, waitTime, fair, signal }: Ask) => {
    const { prefix, key } = placeOf(name);
    return { locks: services[prefix], key, options: { leaseTime, waitTime, fair, signal } };
  };
  return {
    acquire: (ask) => {
      const { locks, key, options } = at(ask);
      return locks.acquire(key, options);
    },
    tryAcquire: (ask) => {
      const { locks, key, options } = at(ask);
      return locks.tryAcquire(key, options);
    },
    acquireAll: async (names, ask) => {
      const { locks, options } = at({ ...ask, key: names[0]! });
      const held = await locks.acquireAll(
        names.map((name) => placeOf(name).key),
        options,
      );
      return [...held.locks];
    },
    using: (ask, task) => {
      const { locks, key, options } = at(ask);
      const whenUnavailable = ask.proceed ? 'proceed' : 'throw';
      return locks.using(key, { ...options, whenUnavailable }, task);
    },
    outcomeOf,
    close: async () => {
      await Promise.all(Object.values(services).map((locks) => locks.close()));
    },
  };
}

async function open(url: string, keyPrefix: LockPrefix): Promise<LockService> {
  const store = await RedisStore.open({ connection: url, keyPrefix });
  store.greet();
  return new LockService({ store, leaseTime: 1_000, waitTime: 1_000 });
}

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  LOCK_BUSY: 'busy',
  LOCK_ABORTED: 'aborted',
  LOCK_UNAVAILABLE: 'unavailable',
  LOCK_REFUSED: 'refused',
};

export function outcomeOf(error: unknown): Outcome {
  return (error instanceof LockError ? OUTCOMES[error.code] : undefined) ?? 'wrong';
}
