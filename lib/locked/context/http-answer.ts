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

/** The HTTP statuses of what befalls a lock; each is 400 to 599, but for `skipped`. */
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
  /** The handler was left out, as `whenBusy: 'skip'` says; 200 to 599. @default 204 */
  skipped: number;
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
  skipped: 204,
};

/** What a lock error is in HTTP. */
export interface LockHttpAnswer {
  status: number;
  /** For the Retry-After header, in whole seconds. */
  retryAfter: number | undefined;
  body: LockErrorBody;
}

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
  const found = statusOf(error, status);
  if (found === undefined) return undefined;
  const { code, message, retryAfter } = error.toJSON();
  return {
    status: found,
    retryAfter: retryAfter === undefined ? undefined : Math.ceil(retryAfter / 1_000),
    body: { statusCode: found, message, error: STATUS_CODES[found] ?? 'Error', code },
  };
}

function statusOf(error: LockError, status: LockHttpStatus): number | undefined {
  if (error instanceof LockBusyError) return status.busy;
  if (error instanceof LockUnavailableError) return status.unavailable;
  if (error instanceof LockLostError) return status.lost;
  if (error instanceof LockAbortedError) return status.aborted;
  if (error instanceof LockRefusedError) return 500;
  if (error instanceof LockKeyError && error.fromArguments) return status.key;
  return undefined;
}
