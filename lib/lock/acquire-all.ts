import type { Clock } from '../clock.js';
import type { KeyRequest } from './key-list.js';
import { lossOf, releaseAll } from './lock-list.js';
import type { Lock } from './lock.js';
import { LockBusyError, LockUnavailableError } from './lock.errors.js';
import { runInLocks } from './queue/lock-context.js';

/** How long a caller who could not have all of its locks waits for those it had to be free, in ms. */
const GIVE_UP_PATIENCE = 150;

/** How one of several locks is asked for. */
export interface AskOne {
  /** Takes it within `left` ms. Rejects when it is busy. */
  wait(request: KeyRequest, left: number): Promise<Lock>;
  /** Takes it if it is free, and else rejects; those asked for in one go have `together` in common. */
  try(request: KeyRequest, together: object): Promise<Lock>;
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
    const missing = requests.length > 1 ? await takeFree(requests, locks, ask) : undefined;
    // There is no time to wait for what could not be had: that is the answer.
    if (missing && clock.mono() >= until) throw missing;
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

/**
 * Takes into `locks` what is free, up to the first that is not.
 * @returns why that one could not be had
 */
async function takeFree(
  requests: readonly KeyRequest[],
  locks: Lock[],
  ask: AskOne,
): Promise<Error | undefined> {
  const together = {};
  const tries = await Promise.allSettled(requests.map((one) => ask.try(one, together)));
  const had = tries.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  const missing = had.indexOf(undefined);
  if (missing < 0) {
    locks.push(...(had as Lock[]));
    return undefined;
  }
  locks.push(...(had.slice(0, missing) as Lock[]));
  void releaseAll(had.slice(missing).filter((lock) => lock !== undefined));
  const errors = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  // That one is taken, or that there was no answer so soon, waiting may mend; nothing else.
  const final = errors.find(
    (error) => !(error instanceof LockBusyError || error instanceof LockUnavailableError),
  );
  if (final) throw final;
  return errors[0];
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
