import { inspect } from 'node:util';
import { LockKeyError, LockUsageError } from './lock.errors.js';

/** What one acquisition may ask for; what is left out comes from the module's options. */
export interface AcquireOptions {
  /**
   * How long the store keeps the lock without a renewal, in ms. Held locks are renewed every third
   * of it, so this is only how long a crashed holder is missed. 10 to 2 147 483 647.
   * @default 30_000, or the module's `leaseTime`
   */
  leaseTime?: number;
  /**
   * How long to stand in line, in ms; 0 tries once. 0 to 2 147 483 647.
   * @default 5_000, or the module's `waitTime`
   */
  waitTime?: number;
  /** Calls off the wait; the acquisition rejects with `LockAbortedError`. */
  signal?: AbortSignal;
  /**
   * For how long the lock is renewed at most, in ms; after that its lease runs out and its signal
   * aborts. At least 10.
   * @default 600_000 for `acquire` and `tryAcquire`, whose handle can be forgotten; no end for
   * `using` and `@Locked`, which release when the work ends
   */
  maxHoldTime?: number;
  /**
   * Serve callers strictly in their order of arrival, across all processes. Otherwise a lock may
   * pass to the next caller in the same process first, 64 times or for 10 ms at the most, which is
   * many times faster.
   * @default false, or the module's `fair`
   */
  fair?: boolean;
}

/** What a scope (`using`, `@Locked`) may ask for beyond that. */
export interface ScopeOptions extends AcquireOptions {
  /**
   * What to do when the store does not answer: reject with `LockUnavailableError`, or run the work
   * without its lock. The latter is told on `nest-locked:proceed-unlocked`, and the work finds
   * a `currentLock()` whose `isHeld()` is false.
   * @default 'throw'
   */
  whenUnavailable?: 'throw' | 'proceed';
}

/** For callers inside the library; not among the public names. */
export interface InnerAcquireOptions extends ScopeOptions {
  /**
   * Called once if this caller really has to stand in line. `abort` makes it step out; what is
   * returned is called when the wait is over.
   */
  onWait?: (abort: (reason: string) => void) => () => void;
}

/** The longest delay a timer can be set for. */
export const MAX_TIME = 2 ** 31 - 1;
export const MIN_LEASE_TIME = 10;
export const MAX_KEY_BYTES = 1024;
/** After this a forgotten handle is no longer renewed. */
export const DEFAULT_MAX_HOLD_TIME = 600_000;

/** What holds where nobody says otherwise; times in ms. */
export const LOCK_DEFAULTS = {
  leaseTime: 30_000,
  waitTime: 5_000,
  fair: false,
  handOver: { count: 64, time: 10 },
  unavailableAfter: 5_000,
  shutdownTimeout: 10_000,
};

const KNOWN = [
  'leaseTime',
  'waitTime',
  'signal',
  'maxHoldTime',
  'fair',
  'whenUnavailable',
  'onWait',
];

/** Refuses options that name something unknown or hold something impossible. */
export function checkAcquireOptions(options: ScopeOptions): void {
  for (const name in options) {
    if (!KNOWN.includes(name)) {
      throw new LockUsageError(
        `unknown option "${name}" (${inspect(options[name as keyof ScopeOptions])}); known are ${KNOWN.slice(0, -1).join(', ')}`,
      );
    }
  }
  const { leaseTime, waitTime, maxHoldTime, signal, fair, whenUnavailable } = options;
  if (leaseTime !== undefined) checkTime('leaseTime', leaseTime, MIN_LEASE_TIME);
  if (waitTime !== undefined) checkTime('waitTime', waitTime, 0);
  if (maxHoldTime !== undefined && maxHoldTime !== Infinity) {
    checkTime('maxHoldTime', maxHoldTime, MIN_LEASE_TIME);
  }
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

/** Refuses a time that is not a finite number of ms between `least` and what a timer can take. */
export function checkTime(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number' || !(value >= least && value <= MAX_TIME)) {
    throw new LockUsageError(
      `${name} must be a number of ms from ${least} to ${MAX_TIME}, received ${inspect(value)}`,
    );
  }
}

/** Refuses a key that names nothing, or more than Redis should carry. */
export function checkKey(key: string): void {
  if (typeof key !== 'string' || key === '') {
    throw new LockKeyError(`a key must be a non-empty string, received ${inspect(key)}`);
  }
  // A UTF-16 unit takes at most three bytes: most keys need not be measured.
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new LockKeyError(
      `a key may have ${MAX_KEY_BYTES} bytes, received ${Buffer.byteLength(key)}: "${key.slice(0, 40)}…"`,
      key,
    );
  }
}
