import { inspect } from 'node:util';
import { LockKeyError, LockUsageError, quoted } from './lock.errors.js';

/** The longest delay a timer can be set for, in ms. */
export const MAX_TIME = 2 ** 31 - 1;
export const MIN_LEASE_TIME = 10;
export const MAX_KEY_BYTES = 1024;

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
