import type { Subject } from '../subject.js';
import { onEachLock } from './wrap.js';

/** The library by one who does not listen to it: what a lock that never admits a loss would do. */
export function deafSubject(subject: Subject): Subject {
  return onEachLock(subject, (lock) => {
    Object.defineProperty(lock, 'isHeld', { value: () => true });
  });
}
