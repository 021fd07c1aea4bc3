import type { Lock } from './lock.js';
import type { LockLostError } from './lock.errors.js';

/**
 * Gives locks back. Never rejects, so that it can mask neither a result nor an error; resolves with
 * the loss of any of them, however it was learnt of. One that the work itself gave back early is not
 * lost.
 */
export async function releaseAll(locks: readonly Lock[]): Promise<LockLostError | undefined> {
  const [only] = locks;
  if (only && locks.length === 1) return releaseOne(only);
  const losses = await Promise.all(locks.map(releaseOne));
  return losses.find((loss) => loss !== undefined);
}

async function releaseOne(lock: Lock): Promise<LockLostError | undefined> {
  const wasEnded = lock.ended;
  try {
    if (await lock.release()) return undefined;
  } catch {
    // The store could not be told: the work was done under the lock all the same.
    return undefined;
  }
  return wasEnded || lock.unlocked ? lock.lost : (lock.lost ?? lock.lease.lost);
}

/** The loss of any of these locks, as the clocks of this process tell it now. */
export function lossOf(locks: readonly Lock[]): LockLostError | undefined {
  for (const lock of locks) {
    if (!lock.ended && !lock.unlocked && !lock.isHeld()) return lock.lost;
  }
  return undefined;
}
