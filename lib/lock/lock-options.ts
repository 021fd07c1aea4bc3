import { inspect } from 'node:util';
import type { Lock } from './lock.js';
import { LockKeyError, LockUsageError, quoted } from './lock.errors.js';

/** What one acquisition may ask for; what is left out or undefined comes from the module's options. */
export interface AcquireOptions {
  /**
   * How long the store keeps the lock without a renewal, in ms. Held locks are renewed every third
   * of it, so this is only how long nobody else gets in after the holder has crashed. 10 to
   * 2 147 483 647.
   * @default 30_000, or the module's `leaseTime`
   */
  leaseTime?: number | undefined;
  /**
   * How long to wait for the lock, in ms; 0 tries once. 0 to 2 147 483 647, or `Infinity`.
   * @default 5_000, or the module's `waitTime`; 0 for `tryAcquire`
   */
  waitTime?: number | undefined;
  /** Calls off the wait; the acquisition rejects with `LockAbortedError`. */
  signal?: AbortSignal | undefined;
  /**
   * For how long the lock is held at most, in ms: then its signal aborts, and it is given back. At
   * least 10, or `Infinity`.
   * @default 600_000 for `acquire` and `tryAcquire`, whose handle can be forgotten; `Infinity` for
   * `using` and `@Locked`, which release when the work ends
   */
  maxHoldTime?: number | undefined;
  /**
   * Serve callers strictly in their order of arrival, across all processes. Otherwise a lock may
   * pass to the next caller in the same process first, 64 times or for 10 ms at the most, which is
   * many times faster.
   * @default false, or the module's `fair`
   */
  fair?: boolean | undefined;
}

/** What a scope (`using`, `@Locked`) may ask for beyond that. */
export interface ScopeOptions extends AcquireOptions {
  /**
   * What to do when the store gives no answer: reject with `LockUnavailableError`, or run the work
   * without its lock. The latter is told on `nest-locked:proceed-unlocked`, and the work finds
   * a `currentLock()` whose `isHeld()` is false. An error that the store answers with is no outage.
   * @default 'throw'
   */
  whenUnavailable?: 'throw' | 'proceed' | undefined;
}

/** Work that runs under a lock, and gets it. */
export type LockTask<T> = (lock: Lock) => T | Promise<T>;

/** The longest delay a timer can be set for. */
export const MAX_TIME = 2 ** 31 - 1;
export const MIN_LEASE_TIME = 10;
export const MAX_KEY_BYTES = 1024;
/** After this a forgotten handle is given back. */
export const DEFAULT_MAX_HOLD_TIME = 600_000;

/** What holds where nobody says otherwise; times in ms. */
export const LOCK_DEFAULTS = {
  leaseTime: 30_000,
  waitTime: 5_000,
  fair: false,
  handOver: { count: 64, time: 10 },
  unavailableAfter: 5_000,
  shutdownTimeout: 10_000,
  maxWaiters: 10_000,
};

/** The names in `ScopeOptions`. */
export const SCOPE_OPTIONS: readonly string[] = [
  'leaseTime',
  'waitTime',
  'signal',
  'maxHoldTime',
  'fair',
  'whenUnavailable',
];

/**
 * Refuses options that name something unknown or hold something impossible.
 * @throws LockUsageError
 */
export function checkAcquireOptions(options: ScopeOptions): void {
  for (const name in options) {
    if (!SCOPE_OPTIONS.includes(name)) {
      throw new LockUsageError(
        `unknown option "${name}" (${inspect(options[name as keyof ScopeOptions])}); known are ${SCOPE_OPTIONS.join(', ')}`,
      );
    }
  }
  const { leaseTime, waitTime, maxHoldTime, signal, fair, whenUnavailable } = options;
  if (leaseTime !== undefined) checkTime('leaseTime', leaseTime, MIN_LEASE_TIME);
  if (waitTime !== undefined) checkTime('waitTime', waitTime, 0, true);
  if (maxHoldTime !== undefined) checkTime('maxHoldTime', maxHoldTime, MIN_LEASE_TIME, true);
  if (whenUnavailable !== undefined && !['throw', 'proceed'].includes(whenUnavailable)) {
    throw new LockUsageError(
      `whenUnavailable must be 'throw' or 'proceed', received ${inspect(whenUnavailable)}`,
    );
  }
  if (fair !== undefined && typeof fair !== 'boolean') {
    throw new LockUsageError(`fair must be true or false, received ${inspect(fair)}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new LockUsageError(`signal must be an AbortSignal, received ${inspect(signal)}`);
  }
}

/**
 * Refuses a time that is not a number of ms between `least` and what a timer can take.
 * @throws LockUsageError
 */
export function checkTime(name: string, value: unknown, least: number, orInfinity = false): void {
  if (orInfinity && value === Infinity) return;
  if (typeof value !== 'number' || !(value >= least && value <= MAX_TIME)) {
    throw new LockUsageError(
      `${name} must be a number of ms from ${least} to ${MAX_TIME}${orInfinity ? ', or Infinity' : ''}, received ${inspect(value)}`,
    );
  }
}

/**
 * Refuses a size of a page that no store should have to look at.
 * @throws LockUsageError
 */
export function checkLimit(limit: unknown): void {
  if (Number.isInteger(limit) && (limit as number) >= 1 && (limit as number) <= 10_000) return;
  throw new LockUsageError(
    `limit must be a whole number from 1 to 10000, received ${inspect(limit)}`,
  );
}

/**
 * Refuses a key that names nothing, or more than a store should carry.
 * @throws LockKeyError
 */
export function checkKey(key: string): void {
  if (typeof key !== 'string' || key === '') {
    throw new LockKeyError(`a key must be a non-empty string, received ${inspect(key)}`);
  }
  // A UTF-16 unit takes at most three bytes: most keys need not be measured.
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new LockKeyError(
      `a key may have ${MAX_KEY_BYTES} bytes, received ${Buffer.byteLength(key)}: ${quoted(key)}`,
      key,
    );
  }
}
