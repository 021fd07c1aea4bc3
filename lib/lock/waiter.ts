import { lockEvents } from './lock-events.js';
import type { Frame } from './lock-context.js';
import type { InnerAcquireOptions } from './lock-options.js';
import type { Lock } from './lock.js';
import { LockAbortedError, LockBusyError, LockUnavailableError } from './lock.errors.js';
import type { HolderFacts } from './lock.errors.js';

/** What a waiter needs to know; the service fills in the defaults. */
export interface WaiterRequest {
  readonly key: string;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly maxHoldTime: number;
  /** Served strictly by arrival, across processes. */
  readonly fair: boolean;
  /** Answer `null` instead of an error when the key is taken. */
  readonly orNull: boolean;
  readonly options: InnerAcquireOptions | undefined;
  /** Which locks the caller already stands in. */
  readonly frame: Frame | undefined;
}

/** The line a waiter stands in. */
export interface WaiterLine {
  /** Takes a waiter out and refuses it. */
  turnAway(waiter: Waiter, error: Error): void;
}

/** One caller on its way to a lock: it is settled once, with a lock, a `null` or an error. */
export class Waiter {
  /** When its line next looks whether it has waited long enough, on the monotonic clock. */
  deadline: number;
  /** Set by the line it stands in; undefined before and after. */
  line: WaiterLine | undefined;
  /** Called first of all when it has to stand. */
  onStand: (() => void) | undefined;
  /** Neighbours in the line; kept here so that leaving costs the same anywhere. */
  next: Waiter | undefined;
  previous: Waiter | undefined;

  private finish: (() => void)[] | undefined;
  private stood = false;

  constructor(
    readonly request: WaiterRequest,
    readonly since: number,
    private readonly resolve: (lock: Lock | null) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    this.deadline = since + request.waitTime;
    const signal = request.options?.signal;
    if (signal) {
      const onAbort = (): void => this.abort('its signal was aborted', signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      this.atEnd(() => signal.removeEventListener('abort', onAbort));
    }
  }

  get key(): string {
    return this.request.key;
  }

  /** Steps out of the line, if it still stands there. */
  leave(error: Error): void {
    this.line?.turnAway(this, error);
  }

  /** Calls off the wait. */
  abort(reason: string, cause?: unknown): void {
    this.leave(new LockAbortedError(this.key, reason, cause));
  }

  /** The caller really has to stand in line; says so to whoever asked to know, once. */
  stand(): void {
    if (this.stood) return;
    this.stood = true;
    this.onStand?.();
    if (!this.line) return;
    const done = this.request.options?.onWait?.((reason) => this.abort(reason));
    if (done) this.atEnd(done);
  }

  grant(lock: Lock, now: number): void {
    this.done();
    if (lockEvents.granted.hasSubscribers) {
      lockEvents.granted.publish({ key: this.key, token: lock.token, waited: now - this.since });
    }
    this.resolve(lock);
  }

  busy(facts: HolderFacts, now: number): void {
    const waited = now - this.since;
    this.done();
    if (lockEvents.busy.hasSubscribers) lockEvents.busy.publish({ key: this.key, waited });
    if (this.request.orNull) this.resolve(null);
    else this.reject(new LockBusyError(this.key, waited, facts));
  }

  refuse(error: unknown, now: number): void {
    this.done();
    const event = { key: this.key, waited: now - this.since, error };
    if (error instanceof LockAbortedError) {
      if (lockEvents.aborted.hasSubscribers) lockEvents.aborted.publish(event);
    } else if (error instanceof LockUnavailableError) {
      if (lockEvents.unavailable.hasSubscribers) lockEvents.unavailable.publish(event);
    }
    this.reject(error);
  }

  /** Registers what is to be done when the wait is over, however it ends. */
  atEnd(action: () => void): void {
    (this.finish ??= []).push(action);
  }

  private done(): void {
    this.line = undefined;
    if (this.finish) for (const action of this.finish) action();
  }
}
