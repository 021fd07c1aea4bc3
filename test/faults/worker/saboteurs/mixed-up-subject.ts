import { AsyncLocalStorage } from 'node:async_hooks';
import { placeOf } from '../../lock-names.js';
import type { HeldLock, Subject } from '../subject.js';

/**
 * Breaks *Identity*: the library, with two services that take each other's locks for their own.
 * Inside a lock of the one, the other's lock on the same key text is not taken.
 */
export function mixedUpSubject(subject: Subject): Subject {
  const around = new AsyncLocalStorage<HeldLock>();
  return {
    ...subject,
    using: (ask, task) => {
      const outer = around.getStore();
      if (outer && placeOf(outer.key).key === placeOf(ask.key).key) return task(outer);
      return subject.using(ask, (lock) => around.run(lock, () => task(lock)));
    },
  };
}
