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
 * Refuses a number that is not a whole one from 1 to `most`.
 * @param why what `most` is called in the message, where it is not a plain number
 * @throws LockUsageError
 */
export function checkCount(
  name: string,
  value: unknown,
  most: number,
  why: string | number = most,
): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return;
  throw new LockUsageError(
    `${name} must be a whole number from 1 to ${why}, received ${inspect(value)}`,
  );
}

/**
 * Refuses options that name something unknown: a misspelt one would be taken for heard.
 * @param key the one they are for, where each has its own
 * @throws LockUsageError
 */
export function checkOptionNames(options: object, known: readonly string[], key?: string): void {
  const whose = key === undefined ? '' : ` of ${quoted(key)}`;
  for (const name in options) {
    if (known.includes(name)) continue;
    const value = inspect(options[name as keyof typeof options]);
    throw new LockUsageError(
      `unknown option "${name}" (${value})${whose}; known are ${known.join(', ')}`,
      key,
    );
  }
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
