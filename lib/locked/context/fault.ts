import {
  LockAbortedError,
  LockBusyError,
  LockKeyError,
  LockLostError,
  LockUnavailableError,
  type LockError,
} from '../../lock/lock.errors.js';

/**
 * Whether an error says that something must be mended, in the program or in the rights it has in the
 * store: that is worth a line in the log, and the client is told no more than that it went wrong.
 */
export function isFault(error: LockError): boolean {
  if (error instanceof LockKeyError) return !error.fromArguments;
  return !(
    error instanceof LockBusyError ||
    error instanceof LockLostError ||
    error instanceof LockUnavailableError ||
    error instanceof LockAbortedError
  );
}
