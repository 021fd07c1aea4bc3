import type { Clock } from '../clock.js';
import type { KeyRequest } from './key-list.js';
import { lossOf, releaseAll } from './lock-list.js';
import type { Lock } from './lock.js';
import { LockUnavailableError } from './lock.errors.js';
import { runInLocks } from './queue/lock-context.js';

/** How long a caller who could not have all of its locks waits for those it had to be free, in ms. */
const GIVE_UP_PATIENCE = 150;

/** How one of several locks is asked for. */
export interface AskOne {
  /** Takes it within `left` ms. Rejects when it is busy. */
  wait(request: KeyRequest, left: number): Promise<Lock>;
  /** Takes it if it is free; those that are asked for in one go have `together` in common. */
  try(request: KeyRequest, together: object): Promise<Lock | null>;
}

/**
 * Takes several locks, or none. First all that are free, in one go; if that is not all, only those in
 * front of the first that is taken are kept, and the rest is waited for in order: who waits holds
 * nothing that comes after it, so that two callers never wait for each other.
 * @param requests sorted by key, each key once
 * @param waitTime for all of them together, in ms
 */
export async function acquireAll(
  requests: readonly KeyRequest[],
  waitTime: number,
  clock: Clock,
  ask: AskOne,
): Promise<Lock[]> {
  const until = clock.mono() + waitTime;
  const locks: Lock[] = [];
  try {
    if (requests.length > 1) await takeFree(requests, locks, ask);
    for (const request of requests.slice(locks.length)) {
      const left = Math.max(0, until - clock.mono());
      // Inside those it has: waiting for the next it may be part of a deadlock.
      locks.push(await runInLocks([...locks], () => ask.wait(request, left)));
    }
    // While the last was waited for, the first may have been lost.
    const lost = lossOf(locks);
    if (lost) throw lost;
  } catch (error) {
    await giveUp(locks, until, clock);
    throw error;
  }
  return locks;
}

/** Takes into `locks` what is free, up to the first that is not. */
async function takeFree(
  requests: readonly KeyRequest[],
  locks: Lock[],
  ask: AskOne,
): Promise<void> {
  const together = {};
  const tries = await Promise.allSettled(requests.map((one) => ask.try(one, together)));
  const had = tries.map((one) => (one.status === 'fulfilled' ? one.value : null));
  const taken = had.indexOf(null);
  const kept = taken < 0 ? had : had.slice(0, taken);
  locks.push(...(kept as Lock[]));
  const rest = had.slice(kept.length).filter((lock) => lock !== null);
  void releaseAll(rest);
  // That one is taken, or that there was no answer so soon, is nothing that waiting could not mend.
  for (const one of tries) {
    if (one.status === 'rejected' && !(one.reason instanceof LockUnavailableError))
      throw one.reason;
  }
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
