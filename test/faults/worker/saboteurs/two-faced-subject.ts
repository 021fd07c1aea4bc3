import type { Ask, HeldLock, Subject } from '../subject.js';
import { onEachLock } from './wrap.js';

/**
 * Breaks *the change of hands*: the library, by a holder that goes on believing in what it has left to
 * others, and by heirs that go on with what another has already claimed.
 */
export function twoFacedSubject(subject: Subject): Subject {
  const clinging = onEachLock(subject, (lock) => {
    const handOff = lock.handOff?.bind(lock);
    if (!handOff) return;
    const keeps = async (options: { leaseTime: number }): Promise<string> => {
      const ticket = await handOff(options);
      Object.defineProperty(lock, 'isHeld', { value: () => true });
      return ticket;
    };
    Object.defineProperty(lock, 'handOff', { value: keeps });
  });
  const { resume } = clinging;
  return {
    ...clinging,
    resume: (ticket, ask) =>
      resume!(ticket, ask).catch((error: unknown) => {
        if (subject.outcomeOf(error) !== 'ended') throw error;
        return claimed(ask);
      }),
  };
}

/** A lock that is in nobody's store. */
function claimed({ key }: Ask): HeldLock {
  let isHeld = true;
  return {
    key,
    token: Date.now() * 1_000,
    signal: new AbortController().signal,
    isHeld: () => isHeld,
    extend: async () => undefined,
    release: async () => {
      isHeld = false;
      return true;
    },
  };
}
