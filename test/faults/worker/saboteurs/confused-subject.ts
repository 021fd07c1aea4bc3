import type { HeldLock, Subject } from '../subject.js';

/**
 * Breaks *Three answers*: the library, by one who takes an error that the server answered with for
 * an outage, and goes on without a lock where that is allowed in an outage.
 */
export function confusedSubject(subject: Subject): Subject {
  return {
    ...subject,
    outcomeOf: (error) => {
      const outcome = subject.outcomeOf(error);
      return outcome === 'refused' ? 'unavailable' : outcome;
    },
    using: async (ask, task) => {
      try {
        await subject.using(ask, task);
      } catch (error) {
        if (!ask.proceed || subject.outcomeOf(error) !== 'refused') throw error;
        await task(unlocked(ask.key));
      }
    },
  };
}

function unlocked(key: string): HeldLock {
  return {
    key,
    token: 0,
    signal: new AbortController().signal,
    unlocked: true,
    isHeld: () => false,
    extend: async () => undefined,
    release: async () => true,
  };
}
