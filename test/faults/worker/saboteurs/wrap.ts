import type { Ask, HeldLock, Subject } from '../subject.js';

/** A subject with something done to each lock that it gives, in place. */
export function onEachLock(subject: Subject, change: (lock: HeldLock) => void): Subject {
  const changed = <T extends HeldLock | null>(lock: T): T => {
    if (lock) change(lock);
    return lock;
  };
  const { resume } = subject;
  return {
    ...subject,
    acquire: async (ask) => changed(await subject.acquire(ask)),
    tryAcquire: async (ask) => changed(await subject.tryAcquire(ask)),
    acquireAll: async (asks) => (await subject.acquireAll(asks)).map(changed),
    using: (ask, task) => subject.using(ask, (lock) => task(changed(lock))),
    ...(resume && { resume: async (ticket, ask) => changed(await resume(ticket, ask)) }),
  };
}

/** A subject that asks for something else than what it is asked for. */
export function onEachAsk(subject: Subject, change: (ask: Ask) => Ask): Subject {
  return {
    ...subject,
    acquire: (ask) => subject.acquire(change(ask)),
    tryAcquire: (ask) => subject.tryAcquire(change(ask)),
    acquireAll: (asks) => subject.acquireAll(asks.map(change)),
    using: (ask, task) => subject.using(change(ask), task),
  };
}
