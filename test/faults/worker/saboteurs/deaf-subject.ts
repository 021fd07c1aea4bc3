import type { HeldLock, Subject } from '../subject.js';

/** The library by one who does not listen to it: what a lock that never admits a loss would do. */
export function deafSubject(subject: Subject): Subject {
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
