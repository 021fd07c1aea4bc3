import type { Attempt, Contention, Grant, LeaseRequest } from '../lock-store.js';

/** What an attempt needs of the store it was made by. */
export interface AttemptHost {
  contention(key: string): Contention | undefined;
  leave(attempt: WaitingAttempt): void;
  giveBack(grant: Grant): void;
}

/** Granted at once: the common case, kept small. */
export class GrantedAttempt implements Attempt {
  readonly granted: Promise<Grant>;
  readonly contention = undefined;
  private readonly host: AttemptHost;
  private readonly grant: Grant;

  constructor(host: AttemptHost, grant: Grant) {
    this.host = host;
    this.grant = grant;
    this.granted = Promise.resolve(grant);
  }

  leave(): void {
    this.host.giveBack(this.grant);
  }
}

/** Taken, and the caller was not to wait. */
export class RefusedAttempt implements Attempt {
  readonly granted = Promise.resolve(null);
  readonly contention: Contention | undefined;

  constructor(contention: Contention | undefined) {
    this.contention = contention;
  }

  leave(): void {
    // It never stood in line.
  }
}

/** One place in a key's line; the line is made of the links between them. */
export class WaitingAttempt implements Attempt {
  readonly granted: Promise<Grant>;
  readonly request: LeaseRequest;
  before: WaitingAttempt | undefined;
  behind: WaitingAttempt | undefined;
  private readonly host: AttemptHost;
  private grant: Grant | undefined;
  private over = false;
  private resolve!: (grant: Grant) => void;
  private fail!: (error: Error) => void;

  constructor(host: AttemptHost, request: LeaseRequest) {
    this.host = host;
    this.request = request;
    this.granted = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.fail = reject;
    });
    if (request.waiting !== undefined) queueMicrotask(() => this.announce());
  }

  get contention(): Contention | undefined {
    return this.over || this.grant !== undefined
      ? undefined
      : this.host.contention(this.request.key);
  }

  /** Not from within `acquire()`, whose caller has no attempt to leave yet. */
  private announce(): void {
    if (!this.over && this.grant === undefined) this.request.waiting?.();
  }

  settle(grant: Grant): void {
    this.grant = grant;
    this.resolve(grant);
  }

  reject(error: Error): void {
    this.over = true;
    // Whoever never looks must not bring the process down.
    this.granted.catch(() => undefined);
    this.fail(error);
  }

  leave(): void {
    if (this.over) return;
    this.over = true;
    if (this.grant === undefined) this.host.leave(this);
    else this.host.giveBack(this.grant);
  }
}

/** The waiters of one key in order of arrival; leaving costs the same at every place. */
export class WaitingLine {
  length = 0;
  private first: WaitingAttempt | undefined;
  private last: WaitingAttempt | undefined;

  push(attempt: WaitingAttempt): void {
    attempt.before = this.last;
    if (this.last === undefined) this.first = attempt;
    else this.last.behind = attempt;
    this.last = attempt;
    this.length += 1;
  }

  shift(): WaitingAttempt | undefined {
    const attempt = this.first;
    if (attempt !== undefined) this.remove(attempt);
    return attempt;
  }

  remove(attempt: WaitingAttempt): void {
    if (attempt.before === undefined) this.first = attempt.behind;
    else attempt.before.behind = attempt.behind;
    if (attempt.behind === undefined) this.last = attempt.before;
    else attempt.behind.before = attempt.before;
    attempt.before = undefined;
    attempt.behind = undefined;
    this.length -= 1;
  }
}
