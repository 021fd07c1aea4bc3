import { AsyncLocalStorage } from 'node:async_hooks';
import type { LockStore } from '../../stores/lock-store.js';
import { LockUsageError, quoted } from '../lock.errors.js';
import type { Lock } from '../lock.js';

/** What a piece of work stands in: the locks taken for it, and the work around it. */
export interface Frame {
  readonly locks: readonly Lock[];
  outer: Frame | undefined;
}

const frames = new AsyncLocalStorage<Frame>();

/** The frame of the running code; undefined outside all locks. */
export function currentFrame(): Frame | undefined {
  return frames.getStore();
}

/**
 * Runs `work` inside `locks`: `currentLock()` finds them there, and taking one of their keys again
 * does not wait for itself.
 */
export function runInLocks<T>(locks: readonly Lock[], work: () => T): T {
  // Work may start its own successor, again and again: what has ended must not be kept by it.
  const outer = firstAlive(frames.getStore());
  if (outer) outer.outer = firstAlive(outer.outer);
  return frames.run({ locks, outer }, work);
}

/** The innermost frame with a lock that has not ended. */
function firstAlive(frame: Frame | undefined): Frame | undefined {
  let at = frame;
  while (at?.locks.every((lock) => lock.ended)) at = at.outer;
  return at;
}

/**
 * The locks around a frame, innermost first, each before the one that it was taken inside. Work that was
 * not awaited may outlive a lock: one that has ended is not its lock any more.
 */
export function* locksAround(frame: Frame | undefined): Generator<Lock> {
  for (let at = frame; at; at = at.outer) {
    for (let i = at.locks.length - 1; i >= 0; i -= 1) {
      for (let lock = at.locks[i]; lock; lock = lock.source.outer) {
        if (!lock.ended) yield lock;
      }
    }
  }
}

/** The innermost lock around a frame on one key of one store that was really had. */
export function findLock(
  frame: Frame | undefined,
  store: LockStore,
  key: string,
): Lock | undefined {
  if (!frame) return undefined;
  for (const lock of locksAround(frame)) {
    if (lock.key === key && lock.store === store && !lock.unlocked) return lock;
  }
  return undefined;
}

/**
 * The lock that the running code stands in: the innermost, or that on `key`. Where several services
 * hold locks on the same key, ask the service: `locks.currentLock(key)`.
 *
 * @throws LockUsageError outside of `using`, `@Locked` and `lock.run`, and for a key that locks of
 * several services around the code have in common
 * @example
 * ```ts
 * @Locked('stock:<0>')
 * async take(sku: string) {
 *   await this.db.write(sku, { fence: currentLock().token });
 *   await fetch(url, { signal: currentLock().signal });
 * }
 * ```
 */
export function currentLock(key?: string): Lock {
  const found = lockAround(key, undefined);
  if (key !== undefined) {
    for (const lock of locksAround(currentFrame())) {
      if (lock.key !== key || lock.store === found.store) continue;
      throw new LockUsageError(
        `currentLock(${quoted(key)}) is not clear: two services hold a lock on that key here; ask one of them, locks.currentLock(${quoted(key)})`,
        key,
      );
    }
  }
  return found;
}

/** The innermost lock around the running code, of one store or of any. */
export function lockAround(key: string | undefined, store: LockStore | undefined): Lock {
  for (const lock of locksAround(currentFrame())) {
    if ((key === undefined || lock.key === key) && (!store || lock.store === store)) return lock;
  }
  throw new LockUsageError(
    key === undefined
      ? 'currentLock() was called outside of a lock: call it inside `using` or a method with @Locked'
      : `currentLock(${quoted(key)}) was called outside of a lock on that key`,
    key,
  );
}
