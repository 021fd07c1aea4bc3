import { LockLostError } from '../../../../lib/lock/lock.errors.js';
import type { HeldLock, Subject } from '../subject.js';

/**
 * Breaks *No silent loss*: the library, with a release that always says all went well, and a `using`
 * that keeps a loss to itself when the work has ended.
 */
export function silentSubject(subject: Subject): Subject {
  return {
    ...subject,
    acquire: async (ask) => silenced(await subject.acquire(ask)),
    tryAcquire: async (ask) => silenced(await subject.tryAcquire(ask)),
    acquireAll: async (keys, ask) => (await subject.acquireAll(keys, ask)).map(silenced),
    using: (ask, task) =>
      subject.using(ask, task).catch((error: unknown) => {
        if (!(error instanceof LockLostError)) throw error;
      }),
  };
}

function silenced<T extends HeldLock | null>(lock: T): T {
  if (!lock) return lock;
  const release = lock.release.bind(lock);
  const always = (): Promise<boolean> => release().then(() => true);
  Object.defineProperty(lock, 'release', { value: always });
  return lock;
}
