/** What every error of this library shares: a stable `code`, the `key`, and the `cause` if any. */
export abstract class LockError extends Error {
  abstract readonly code: string;
  /** The key concerned; undefined where there is none, as with a bad module option. */
  readonly key: string | undefined;

  protected constructor(message: string, key: string | undefined, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.key = key;
  }
}

/** What is known of the one who holds a key. */
export interface HolderFacts {
  /** `host:pid` of the holder; undefined when another library holds the key. */
  readonly holder: string | undefined;
  /** Since when, in ms since the epoch on the server's clock. */
  readonly since: number | undefined;
  /** What is left of the holder's lease in ms: a good moment to come back. */
  readonly retryAfter: number;
}

/** The key was taken for the whole of `waitTime`. HTTP: 423 with Retry-After. */
export class LockBusyError extends LockError implements HolderFacts {
  readonly code = 'LOCK_BUSY';
  readonly holder: string | undefined;
  readonly since: number | undefined;
  readonly retryAfter: number;
  /** How long this caller stood in line, in ms. */
  readonly waited: number;

  constructor(key: string, waited: number, facts: HolderFacts) {
    const who = facts.holder === undefined ? 'somebody else' : facts.holder;
    const since = facts.since === undefined ? '' : ` since ${new Date(facts.since).toISOString()}`;
    super(`"${key}" is held by ${who}${since}; waited ${Math.round(waited)} ms`, key);
    this.holder = facts.holder;
    this.since = facts.since;
    this.retryAfter = facts.retryAfter;
    this.waited = waited;
  }
}

/** The lock was this caller's and is, or may be, so no longer. */
export class LockLostError extends LockError {
  readonly code = 'LOCK_LOST';
  readonly token: number;

  constructor(key: string, token: number, reason: string, cause?: unknown) {
    super(`"${key}" was lost: ${reason}`, key, cause);
    this.token = token;
  }
}

/** The wait was called off: by the caller's signal, a closed request, or the shutdown. */
export class LockAbortedError extends LockError {
  readonly code = 'LOCK_ABORTED';

  constructor(key: string, reason: string, cause?: unknown) {
    super(`waiting for "${key}" was called off: ${reason}`, key, cause);
  }
}

/** A key that must not be: empty, too long, or a template's placeholder with no usable value. */
export class LockKeyError extends LockError {
  readonly code = 'LOCK_KEY';

  constructor(message: string, key?: string) {
    super(message, key);
  }
}

/** The store did not answer. Never said of a key that is merely taken. HTTP: 503. */
export class LockUnavailableError extends LockError {
  readonly code = 'LOCK_UNAVAILABLE';

  constructor(key: string, reason: string, cause?: unknown) {
    super(`the lock store did not answer for "${key}": ${reason}`, key, cause);
  }
}

/** The library was used wrongly; the message names what was received and what is allowed. */
export class LockUsageError extends LockError {
  readonly code = 'LOCK_USAGE';

  constructor(message: string, key?: string) {
    super(message, key);
  }
}

/** Every error a lock can give. */
export type AnyLockError =
  | LockBusyError
  | LockLostError
  | LockAbortedError
  | LockKeyError
  | LockUnavailableError
  | LockUsageError;
