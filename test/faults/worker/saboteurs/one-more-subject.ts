import type { Subject } from '../subject.js';
import { onEachAsk } from './wrap.js';

/** Breaks *Exclusion* of permits: the library, by one who counts from zero and lets one more in. */
export function oneMoreSubject(subject: Subject): Subject {
  return onEachAsk(subject, (ask) =>
    ask.mode.kind === 'limited'
      ? { ...ask, mode: { ...ask.mode, limit: ask.mode.limit + 1 } }
      : ask,
  );
}
