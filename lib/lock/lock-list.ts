import type { Lock } from './lock.js';
import type { LockLostError } from './lock.errors.js';

/** Gives locks back; never rejects, so that it can mask neither a result nor an error. */
export async function releaseAll(locks: readonly Lock[]): Promise<void> {
  if (locks.length === 1) await locks[0]?.[Symbol.asyncDispose]();
  else await Promise.all(locks.map((lock) => lock[Symbol.asyncDispose]()));
}

/** The loss of any of these locks. One that the work itself gave back early is not lost. */
export function lossOf(locks: readonly Lock[]): LockLostError | undefined {
  for (const lock of locks) if (lock.lost) return lock.lost;
  return undefined;
}
