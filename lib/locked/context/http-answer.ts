import { STATUS_CODES } from 'node:http';
import {
  LockAbortedError,
  LockBusyError,
  LockKeyError,
  LockLostError,
  LockRefusedError,
  LockUnavailableError,
  type LockError,
} from '../../lock/lock.errors.js';

/** The HTTP statuses of the lock errors; each is 400 to 599. */
export interface LockHttpStatus {
  /** The key was taken for all of `waitTime`. @default 423 */
  busy: number;
  /** The store gave no answer. @default 503 */
  unavailable: number;
  /** The lock was lost while the handler ran. @default 503 */
  lost: number;
  /** The wait was called off, as at shutdown. @default 503 */
  aborted: number;
  /** The arguments give no key. @default 400 */
  key: number;
}

/** The body of an answer, in the shape of Nest's own. */
export interface LockErrorBody {
  statusCode: number;
  message: string;
  error: string;
  /** The `code` of the lock error. */
  code: string;
}

export const DEFAULT_HTTP_STATUS: LockHttpStatus = {
  busy: 423,
  unavailable: 503,
  lost: 503,
  aborted: 503,
  key: 400,
};

/** What a lock error is in HTTP. */
export interface LockHttpAnswer {
  status: number;
  /** For the Retry-After header, in whole seconds. */
  retryAfter: number | undefined;
  body: LockErrorBody;
}

/** An outage has no known end; this is soon enough for a client to come back. */
const OUTAGE_RETRY_AFTER = 5;
const LONGEST_RETRY_AFTER = 3_600;

/**
 * What a lock error is in HTTP; undefined for one that is the program's own fault and therefore an
 * ordinary 500. The message names neither the key nor the holder nor what the store said: they are
 * not the client's affair. A `LockRefusedError` is always 500, and worth a line in the log.
 *
 * @example
 * ```ts
 * @Catch()
 * export class CatchAll extends BaseExceptionFilter {
 *   catch(error: unknown, host: ArgumentsHost) {
 *     const answer = error instanceof LockError ? httpAnswer(error) : undefined;
 *     super.catch(answer ? new HttpException(answer.body, answer.status) : error, host);
 *   }
 * }
 * ```
 */
export function httpAnswer(
  error: LockError,
  status: LockHttpStatus = DEFAULT_HTTP_STATUS,
): LockHttpAnswer | undefined {
  if (error instanceof LockBusyError) {
    const seconds = Math.ceil(error.retryAfter / 1_000);
    // Nothing may be known of the holder's lease, and it may have no end.
    const sane = Math.min(Math.max(seconds, 1), LONGEST_RETRY_AFTER);
    return answer(error, status.busy, 'It is being worked on by another request', sane);
  }
  if (error instanceof LockUnavailableError) {
    return answer(error, status.unavailable, 'Locks are not available', OUTAGE_RETRY_AFTER);
  }
  if (error instanceof LockLostError) {
    return answer(error, status.lost, 'The lock was lost before the work was done');
  }
  if (error instanceof LockAbortedError) {
    return answer(error, status.aborted, 'The wait for a lock was called off');
  }
  if (error instanceof LockRefusedError) return answer(error, 500, 'A lock could not be taken');
  if (error instanceof LockKeyError && error.fromArguments) {
    return answer(error, status.key, 'The request does not say what it is about');
  }
  return undefined;
}

function answer(
  { code }: LockError,
  status: number,
  message: string,
  retryAfter?: number,
): LockHttpAnswer {
  const error = STATUS_CODES[status] ?? 'Error';
  return { status, retryAfter, body: { statusCode: status, message, error, code } };
}
