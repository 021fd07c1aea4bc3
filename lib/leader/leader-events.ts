import { inspect } from 'node:util';
import { LockUsageError, type LockLostError } from '../lock/lock.errors.js';
import { outside, soonOutside } from '../outside.js';
import type { LeaderTerm } from './leader-term.js';

/** What an election tells, and what its listeners get. */
export interface LeaderEvents {
  /** This process is leader. Told once to each listener for each term, also to one that comes during it. */
  gained: (term: LeaderTerm) => void;
  /** It is leader no longer: its term was lost, or given up. The term's signal has aborted. */
  lost: (term: LeaderTerm, reason: LockLostError) => void;
}

type Listeners = { readonly [E in keyof LeaderEvents]: Set<LeaderEvents[E]> };

/** The listeners of one election. They run in nobody's context, and cannot disturb it. */
export class LeaderListeners {
  private readonly listeners: Listeners = { gained: new Set(), lost: new Set() };
  private readonly untold: (() => void)[] = [];
  private isTelling = false;

  /**
   * @param term the running one, of which who comes to `gained` has not heard
   * @returns what takes the listener out again
   * @throws LockUsageError for an event that there is not
   */
  add<E extends keyof LeaderEvents>(
    event: E,
    listener: LeaderEvents[E],
    term: LeaderTerm | undefined,
  ): () => void {
    if (!Object.hasOwn(this.listeners, event)) {
      throw new LockUsageError(`an election tells 'gained' and 'lost', not ${inspect(event)}`);
    }
    if (typeof listener !== 'function') {
      throw new LockUsageError(`a listener is a function, received ${inspect(listener)}`);
    }
    const listeners: Set<unknown> = this.listeners[event];
    // One of its own, so that a function that was added twice is taken out once.
    const entry = (...args: readonly unknown[]): void => call(listener, args);
    listeners.add(entry);
    if (event === 'gained' && term) {
      soonOutside(() => {
        if (listeners.has(entry) && term.isHeld()) entry(term);
      });
    }
    return () => void listeners.delete(entry);
  }

  /** Tells all, in the order of what happened: what a listener brings about is told after it. */
  tell<E extends keyof LeaderEvents>(event: E, ...args: Parameters<LeaderEvents[E]>): void {
    for (const entry of this.listeners[event]) {
      this.untold.push(() => void Reflect.apply(entry, undefined, args));
    }
    if (this.isTelling) return;
    this.isTelling = true;
    for (let next = this.untold.shift(); next; next = this.untold.shift()) next();
    this.isTelling = false;
  }
}

/** What a listener throws is the application's to handle: it becomes an uncaught exception. */
function call(listener: (...args: never[]) => void, args: readonly unknown[]): void {
  outside(() => {
    try {
      Reflect.apply(listener, undefined, args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  });
}
