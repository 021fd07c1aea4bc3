import { inspect } from 'node:util';
import type { Lock } from './lock.js';
import { MIN_LEASE_TIME, checkOptionNames, checkTime } from './checks.js';
import { LockUsageError } from './lock.errors.js';
import { MODE_OPTIONS, modeOf, type ModeOptions } from './mode-options.js';
import { UNTIL, type Until } from './until.js';

/** What one acquisition may ask for; what is left out or undefined comes from the module's options. */
export interface AcquireOptions extends ModeOptions {
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
   * @default 600_000 for `acquire` and `tryAcquire`, whose handle can be forgotten, and for what is kept
   * for a transaction, whose end may never be told; `Infinity` for `using` and `@Locked` elsewhere, which
   * release when the work ends
   */
  maxHoldTime?: number | undefined;
  /**
   * Whether the lease is renewed as long as the lock is held. With `false` the lock ends with its lease,
   * and `signal` tells so. Not together with `maxHoldTime`.
   * @default true
   */
  renew?: boolean | undefined;
  /**
   * For how long nobody else is to have the lock even when it is released sooner, in ms from its
   * grant; a holder that crashed keeps it for its lease only. For a job that is to run on one of several
   * machines whose clocks differ. 0 to `maxHoldTime`, with `renew: false` to `leaseTime`; not with a
   * store whose leases are those of a session.
   * @default 0
   */
  minHoldTime?: number | undefined;
  /**
   * Serve callers strictly in their order of arrival, across all processes. Otherwise a lock may
   * pass to the next caller in the same process first, 64 times or for 10 ms at the most, which is
   * many times faster.
   * @default false, or the module's `fair`
   */
  fair?: boolean | undefined;
  /**
   * Until when the key is held. `transaction`: until the transaction that is active where the lock is
   * asked for has committed or rolled back; `handler`: until the request handler and all its interceptors
   * have ended; either is refused where there is none. `method`: until the work ends, which may be before
   * what it wrote is there for others to read. With the other two, `release()` and the end of the work end
   * this holder only: the code of the same transaction may have the key again, others when it has ended.
   * @default 'transaction' where one of the module's `transactions` is active, 'handler' for `@Locked` on
   * a request handler, 'method' elsewhere
   */
  until?: Until | undefined;
}

/** What a resumption may ask for. */
export type ResumeOptions = Pick<AcquireOptions, 'leaseTime' | 'maxHoldTime' | 'renew' | 'until'>;

/** The names in `ResumeOptions`. */
export const RESUME_OPTIONS: readonly (keyof ResumeOptions)[] = [
  'leaseTime',
  'maxHoldTime',
  'renew',
  'until',
];

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
export type LockTask<T, L = Lock> = (lock: L) => T | Promise<T>;

/** What events say of the registration that has no name. */
export const DEFAULT_REGISTRATION = 'default';

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
  longWait: 2_000,
};

/** The names in `ScopeOptions`. */
export const SCOPE_OPTIONS: readonly string[] = [
  ...MODE_OPTIONS,
  'leaseTime',
  'waitTime',
  'signal',
  'maxHoldTime',
  'renew',
  'minHoldTime',
  'fair',
  'until',
  'whenUnavailable',
];

/**
 * Refuses options that name something unknown or hold something impossible.
 * @param lease what holds where they say nothing of `leaseTime`, if that is known
 * @throws LockUsageError
 */
export function checkAcquireOptions(options: ScopeOptions, lease = Infinity): void {
  checkOptionNames(options, SCOPE_OPTIONS);
  const { leaseTime, waitTime, maxHoldTime, minHoldTime, renew, signal, fair } = options;
  const { whenUnavailable, until } = options;
  modeOf(options);
  if (leaseTime !== undefined) checkTime('leaseTime', leaseTime, MIN_LEASE_TIME);
  if (waitTime !== undefined) checkTime('waitTime', waitTime, 0, true);
  if (maxHoldTime !== undefined) checkTime('maxHoldTime', maxHoldTime, MIN_LEASE_TIME, true);
  if (minHoldTime !== undefined) checkTime('minHoldTime', minHoldTime, 0);
  if (renew !== undefined && typeof renew !== 'boolean') {
    throw new LockUsageError(`renew must be true or false, received ${inspect(renew)}`);
  }
  if (renew === false && maxHoldTime !== undefined) {
    throw new LockUsageError(
      `renew: false and maxHoldTime ${maxHoldTime} were given together: without renewal the lock ends with its leaseTime`,
    );
  }
  if (minHoldTime !== undefined && maxHoldTime !== undefined && minHoldTime > maxHoldTime) {
    throw new LockUsageError(
      `minHoldTime ${minHoldTime} is longer than maxHoldTime ${maxHoldTime}`,
    );
  }
  if (renew === false && minHoldTime !== undefined && minHoldTime > (leaseTime ?? lease)) {
    throw new LockUsageError(
      `minHoldTime ${minHoldTime} is longer than leaseTime ${leaseTime ?? lease}, and renew: false: the lease cannot carry it`,
    );
  }
  if (whenUnavailable !== undefined && !['throw', 'proceed'].includes(whenUnavailable)) {
    throw new LockUsageError(
      `whenUnavailable must be 'throw' or 'proceed', received ${inspect(whenUnavailable)}`,
    );
  }
  if (until !== undefined && !UNTIL.includes(until)) {
    throw new LockUsageError(
      `until must be 'method', 'transaction' or 'handler', received ${inspect(until)}`,
    );
  }
  if (fair !== undefined && typeof fair !== 'boolean') {
    throw new LockUsageError(`fair must be true or false, received ${inspect(fair)}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new LockUsageError(`signal must be an AbortSignal, received ${inspect(signal)}`);
  }
}
