import { LockKeyError } from '../lock/lock.errors.js';

const made = new WeakSet<object>();

/**
 * The error of a call whose arguments give no key. Such a call is a bad request; a bad key that
 * the program itself named is a fault of the program, and the two are answered differently.
 */
export function argumentError(message: string, key?: string): LockKeyError {
  const error = new LockKeyError(message, key);
  made.add(error);
  return error;
}

export function isArgumentError(error: object): boolean {
  return made.has(error);
}
