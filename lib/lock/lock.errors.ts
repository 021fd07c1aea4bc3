import type { LockMode } from '../stores/lock-mode.js';
import { StoreUnavailableError } from '../stores/lock-store.js';
import { LockError, quoted } from './lock-error.js';

export { LockError, detailOf, quoted } from './lock-error.js';
export type { LockErrorJson } from './lock-error.js';

/** What is known of the one who holds a key. */
export interface HolderFacts {
  /** `host:pid` of the holder; undefined when another library holds the key, or nobody does. */
  readonly holder: string | undefined;
  /** How it is held; undefined as above. */
  readonly mode: LockMode | undefined;
  /** Since when, in ms since the epoch on the store's clock; undefined as above. */
  readonly sinceEpochMs: number | undefined;
  /**
   * A good moment to come back, in ms from now: from how long the key was held lately, or, when nothing is
   * known of that, as long again as it has been held. Of another library's lock the rest of its lease.
   */
  readonly retryAfter: number;
}

/**
 * Why a key could not be had: somebody held it for all of `waitTime` (`held`); somebody held it and
 * waited, over however many steps, for a lock around this very caller (`deadlock`); as many as
 * `maxWaiters` were waiting already (`full`).
 */
export type BusyReason = 'held' | 'deadlock' | 'full';

/** Of a key that nobody is known to hold. */
export const NOBODY: HolderFacts = {
  holder: undefined,
  mode: undefined,
  sinceEpochMs: undefined,
  retryAfter: 0,
};

/** The lock was not to be had in `waitTime`. HTTP: 423 with Retry-After. */
export class LockBusyError extends LockError implements HolderFacts {
  readonly code = 'LOCK_BUSY';
  readonly reason: BusyReason;
  readonly holder: string | undefined;
  readonly mode: LockMode | undefined;
  readonly sinceEpochMs: number | undefined;
  declare readonly retryAfter: number;
  /** How long this caller waited, in ms. */
  readonly waitedMs: number;
  /** Class and method that asked, `Orders.pay`; undefined where they did not ask by `@Locked`. */
  readonly method: string | undefined;

  /** @internal */
  constructor(
    key: string,
    waitedMs: number,
    facts: HolderFacts = NOBODY,
    reason: BusyReason = 'held',
    detail = '',
    method?: string,
  ) {
    super({
      message: 'It is being worked on by another request',
      detail: `${heldBy(key, facts)}; waited ${Math.round(waitedMs)} ms${detail}`,
      key,
      retryAfter: facts.retryAfter,
    });
    this.reason = reason;
    this.holder = facts.holder;
    this.mode = facts.mode;
    this.sinceEpochMs = facts.sinceEpochMs;
    this.waitedMs = waitedMs;
    this.method = method;
  }
}

function heldBy(key: string, { holder, sinceEpochMs }: HolderFacts): string {
  const since = sinceEpochMs === undefined ? '' : ` since ${new Date(sinceEpochMs).toISOString()}`;
  return `${quoted(key)} is held by ${holder ?? 'somebody else'}${since}`;
}

/** The lock was this caller's and is, or may be, so no longer. HTTP: 503. */
export class LockLostError extends LockError {
  readonly code = 'LOCK_LOST';
  readonly token: number;

  /** @internal */
  constructor(key: string, token: number, reason: string, cause?: unknown) {
    const detail = `${quoted(key)} was lost: ${reason}`;
    super({ message: 'The lock was lost before the work was done', detail, key, cause });
    this.token = token;
  }
}

/** The wait was called off: by the caller's signal, a closed request, or the shutdown. HTTP: 503. */
export class LockAbortedError extends LockError {
  readonly code = 'LOCK_ABORTED';

  /** @internal */
  constructor(key: string, reason: string, cause?: unknown) {
    const detail = `waiting for ${quoted(key)} was called off: ${reason}`;
    super({ message: 'The wait for a lock was called off', detail, key, cause });
  }
}

/** A key that must not be: empty, too long, or a template's placeholder with no usable value. */
export class LockKeyError extends LockError {
  readonly code = 'LOCK_KEY';
  /**
   * Whether the arguments of a `@Locked` method gave the bad key: a bad request, 400. Otherwise the
   * program itself named it, which is a fault of the program, 500.
   */
  readonly fromArguments: boolean;

  /** @internal */
  constructor(detail: string, key?: string, fromArguments = false) {
    const told = fromArguments && { message: 'The request does not say what it is about' };
    super({ ...told, detail, key });
    this.fromArguments = fromArguments;
  }
}

/** An outage has no known end; this is soon enough for a client to come back, in ms. */
const OUTAGE_RETRY_AFTER = 5_000;

/** The store gave no answer. Never said of a key that is merely taken. HTTP: 503. */
export class LockUnavailableError extends LockError {
  readonly code = 'LOCK_UNAVAILABLE';

  /** @internal */
  constructor(key: string, reason: string, cause: unknown) {
    const detail = `no answer from the lock store for ${quoted(key)}: ${reason}`;
    const retryAfter = OUTAGE_RETRY_AFTER;
    super({ message: 'Locks are not available', detail, key, cause, retryAfter });
  }
}

/**
 * The store answered with an error of its own, such as a missing permission; `cause` is that error.
 * It is not an outage: `whenUnavailable` does not apply. HTTP: 500.
 */
export class LockRefusedError extends LockError {
  readonly code = 'LOCK_REFUSED';

  /** @internal */
  constructor(key: string, cause: Error) {
    const detail = `the lock store refused ${quoted(key)}: ${cause.message}`;
    super({ message: 'A lock could not be taken', detail, key, cause });
  }
}

/** A store's rejection in the words of a lock: no answer and an error as an answer are kept apart. */
export function storeError(key: string, error: unknown): LockUnavailableError | LockRefusedError {
  if (error instanceof StoreUnavailableError) {
    return new LockUnavailableError(key, error.message, error.cause ?? error);
  }
  return new LockRefusedError(key, error instanceof Error ? error : new Error(String(error)));
}

/** For the promises of a store that are about one key. */
export function rethrowAs(key: string): (error: unknown) => never {
  return (error) => {
    throw storeError(key, error);
  };
}

/** What a caller is told who asks, or waits, when the service is closed. */
export function closedError(key: string): LockAbortedError {
  return new LockAbortedError(key, 'the application is shutting down');
}

/**
 * Why a ticket could not be resumed: its lock has ended, or somebody has gone on with it already
 * (`ended`); it is of another store or prefix (`foreign`); it is not whole (`mangled`).
 */
export type TicketProblem = 'ended' | 'foreign' | 'mangled';

/** A ticket of `lock.handOff()` that cannot be resumed. HTTP: 500. */
export class LockTicketError extends LockError {
  readonly code = 'LOCK_TICKET';
  readonly reason: TicketProblem;

  /** @internal */
  constructor(reason: TicketProblem, detail: string, key?: string) {
    super({ message: 'A lock could not be taken over', detail, key });
    this.reason = reason;
  }
}

/** The library was used wrongly; the message names what was received and what is allowed. */
export class LockUsageError extends LockError {
  readonly code = 'LOCK_USAGE';

  /** @internal */
  constructor(detail: string, key?: string) {
    super({ detail, key });
  }
}

/** Every error a lock can give. */
export type AnyLockError =
  | LockBusyError
  | LockLostError
  | LockAbortedError
  | LockKeyError
  | LockUnavailableError
  | LockRefusedError
  | LockTicketError
  | LockUsageError;
