import type { Clock } from '../clock.js';
import { lossOf, releaseAll } from './lock-list.js';
import type { Lock } from './lock.js';
import { LockUsageError } from './lock.errors.js';
import { runInLocks } from './queue/lock-context.js';

/** How long a caller who could not have all of its locks waits for those it had to be free, in ms. */
const GIVE_UP_PATIENCE = 150;

/**
 * Takes the locks on all keys, or none, in one order whatever order they are named in, so that two
 * callers never wait for each other.
 * @param waitTime for all of them together, in ms
 * @param ask takes one of them within the time that is left
 * @returns the locks, sorted by key; each key once
 */
export async function acquireInOrder(
  keys: readonly string[],
  waitTime: number,
  clock: Clock,
  ask: (key: string, left: number) => Promise<Lock>,
): Promise<Lock[]> {
  if (keys.length === 0) throw new LockUsageError('no key was given: name at least one');
  const until = clock.mono() + waitTime;
  const locks: Lock[] = [];
  try {
    for (const key of [...new Set(keys)].sort()) {
      if (locks.length === 0) {
        locks.push(await ask(key, waitTime));
        continue;
      }
      const left = Math.max(0, until - clock.mono());
      // Inside those it has: waiting for the next it may be part of a deadlock.
      locks.push(await runInLocks([...locks], () => ask(key, left)));
    }
    // While the last was waited for, the first may have been lost.
    const lost = lossOf(locks);
    if (lost) throw lost;
  } catch (error) {
    await giveUp(locks, until, clock);
    throw error;
  }
  for (const lock of locks) lock.companions = locks;
  return locks;
}

/** Gives back the locks of a list that cannot be had whole; nobody is to wait long for that. */
async function giveUp(locks: readonly Lock[], until: number, clock: Clock): Promise<void> {
  const released = releaseAll(locks);
  const patience = Math.min(0, until - clock.mono()) + GIVE_UP_PATIENCE;
  if (locks.length === 0 || patience <= 0) return;
  await new Promise<void>((resolve) => {
    const timer = clock.after(patience, resolve, true);
    void released.then(() => {
      timer.cancel();
      resolve();
    });
  });
}
