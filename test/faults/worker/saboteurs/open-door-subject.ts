import type { Subject } from '../subject.js';
import { onEachAsk } from './wrap.js';

/**
 * Breaks *Exclusion* of readers and writers: the library, with readers that keep nobody out, and
 * whom nobody keeps out. Each locks something of its own.
 */
export function openDoorSubject(subject: Subject): Subject {
  let count = 0;
  return onEachAsk(subject, (ask) =>
    ask.mode.kind === 'shared' ? { ...ask, key: `${ask.key}:${process.pid}:${(count += 1)}` } : ask,
  );
}
