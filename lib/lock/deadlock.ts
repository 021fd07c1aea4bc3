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
    const ring = this.findRing(newcomer, newcomer, new Set());
    if (ring) {
      newcomer.leave(deadlock(newcomer, ring));
      return;
    }
    this.waiting.add(newcomer);
    newcomer.atEnd(() => this.waiting.delete(newcomer));
  }

  /** Follows who holds what `last` waits for, and what that one waits for, until it is the newcomer. */
  private findRing(newcomer: Waiter, last: Waiter, seen: Set<Waiter>): string[] | undefined {
    for (const waiter of this.waiting) {
      if (seen.has(waiter) || !blocks(waiter, last)) continue;
      seen.add(waiter);
      const rest = blocks(newcomer, waiter) ? [] : this.findRing(newcomer, waiter, seen);
      if (rest) return [waiter.key, ...rest];
    }
    return undefined;
  }
}

/** Whether one stands in a lock that the other waits for; a lock around both blocks neither. */
function blocks(one: Waiter, other: Waiter): boolean {
  const lock = findLock(one.request.frame, other.key);
  if (!lock) return false;
  for (const around of locksAround(other.request.frame)) if (around === lock) return false;
  return true;
}

function deadlock(newcomer: Waiter, ring: string[]): LockUsageError {
  const held = [...locksAround(newcomer.request.frame)].map((lock) => `"${lock.key}"`).join(', ');
  const chain = [newcomer.key, ...ring].map((key) => `"${key}"`).join(' → ');
  return new LockUsageError(
    `deadlock: holding ${held} and asking for ${chain}; take the locks in one order, or at once as a list`,
    newcomer.key,
  );
}
