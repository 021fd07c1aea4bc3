import { LockUsageError } from './lock.errors.js';
import { findLock, locksAround } from './lock-context.js';
import type { Waiter } from './waiter.js';

/**
 * Finds chains of work in this process that would wait for each other for ever: each stands in a
 * lock that another waits for. Only who waits inside a lock can be part of such a ring.
 */
export class DeadlockWatch {
  private readonly waiting = new Set<Waiter>();

  /** Keeps a waiter in view until its wait is over, or turns it away if it would close a ring. */
  watch(newcomer: Waiter): void {
    const ring = this.findRing(newcomer, newcomer.key, new Set());
    if (ring) {
      newcomer.leave(deadlock(newcomer, ring));
      return;
    }
    this.waiting.add(newcomer);
    newcomer.atEnd(() => this.waiting.delete(newcomer));
  }

  /** Follows who holds `key` and what that one waits for, until it is something the newcomer holds. */
  private findRing(newcomer: Waiter, key: string, seen: Set<Waiter>): string[] | undefined {
    const { frame } = newcomer.request;
    for (const waiter of this.waiting) {
      if (seen.has(waiter) || waiter === newcomer) continue;
      const blocking = findLock(waiter.request.frame, key);
      // A lock around both of them blocks neither.
      if (!blocking || [...locksAround(frame)].includes(blocking)) continue;
      seen.add(waiter);
      if (findLock(frame, waiter.key)) return [waiter.key];
      const rest = this.findRing(newcomer, waiter.key, seen);
      if (rest) return [waiter.key, ...rest];
    }
    return undefined;
  }
}

function deadlock(newcomer: Waiter, ring: string[]): LockUsageError {
  const held = [...locksAround(newcomer.request.frame)].map((lock) => `"${lock.key}"`).join(', ');
  const chain = [newcomer.key, ...ring].map((key) => `"${key}"`).join(' → ');
  return new LockUsageError(
    `deadlock: holding ${held} and asking for ${chain}; take the locks in one order, or at once as a list`,
    newcomer.key,
  );
}
