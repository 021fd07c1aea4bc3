import type { LockMode } from '../../stores/lock-mode.js';
import type { LeaseRequest } from '../../stores/lock-store.js';
import { lockEvents, tell } from '../lock-events.js';
import {
  LockAbortedError,
  LockBusyError,
  LockRefusedError,
  LockUnavailableError,
  type BusyReason,
  type HolderFacts,
} from '../lock.errors.js';
import type { Lock } from '../lock.js';
import { defer, type Deferred } from '../../deferred.js';
import { abortReason, type AcquireSettings } from './acquire-settings.js';
import type { Deadlines } from './deadlines.js';
import type { Frame } from './lock-context.js';

/** The queue that a waiter stands in. */
export interface WaiterHome {
  /** Who of this process holds the key. */
  holders(): readonly Lock[];
  /** Takes a waiter out that does not want to wait any longer. */
  left(waiter: Waiter): void;
  /**
   * Looks whether a waiter has waited long enough, and rejects it then.
   * @returns when to look again, on the monotonic clock; undefined when it waits no longer
   */
  check(waiter: Waiter, now: number): number | undefined;
}

/** One caller on its way to a lock: it is settled once, with a lock, a `null` or an error. */
export class Waiter implements LeaseRequest {
  /** Settles as the waiter does. */
  readonly lock: Promise<Lock | null>;
  /** Set while it waits. */
  home: WaiterHome | undefined;
  /** Its neighbours in the queue of its key. */
  next: Waiter | undefined;
  previous: Waiter | undefined;
  /** When to look at it next, on the monotonic clock, and its neighbours among all who wait. */
  checkAt = Infinity;
  nextWaiting: Waiter | undefined;
  previousWaiting: Waiter | undefined;
  /** The silence of the store that the last look found, if it was too long: since when. */
  silentSince: number | undefined;
  /** Called when the wait is over, however it ends. */
  atEnd: (() => void) | undefined;

  private readonly deferred: Deferred<Lock | null>;
  private onAbort: (() => void) | undefined;

  constructor(
    readonly key: string,
    readonly settings: AcquireSettings,
    /** Which locks the caller already stands in. */
    readonly frame: Frame | undefined,
    /** When the wait began, on the monotonic clock. */
    readonly since: number,
    private readonly deadlines: Deadlines,
  ) {
    this.deferred = defer();
    this.lock = this.deferred.promise;
  }

  get mode(): LockMode {
    return this.settings.mode;
  }

  get together(): object | undefined {
    return this.settings.together;
  }

  get leaseTime(): number {
    return Math.min(this.settings.leaseTime, this.settings.maxHoldTime);
  }

  get wait(): boolean {
    return this.settings.waitTime > 0;
  }

  /** When `waitTime` has passed, on the monotonic clock. */
  get deadline(): number {
    return this.since + this.settings.waitTime;
  }

  /** It waits in `home` from now on, and is looked at there when `checkAt` has come. */
  waitsIn(home: WaiterHome, checkAt: number): void {
    this.home = home;
    this.checkAt = checkAt;
    this.deadlines.add(this);
    const { signal } = this.settings;
    if (signal && !this.onAbort) {
      this.onAbort = () => {
        this.leave(new LockAbortedError(this.key, abortReason(signal), signal.reason));
      };
      signal.addEventListener('abort', this.onAbort, { once: true });
    }
  }

  /** Leaves the queue, if it still waits, and rejects with `error`. */
  leave(error: Error): void {
    const { home } = this;
    if (!home) return;
    this.fail(error, this.deadlines.now());
    home.left(this);
  }

  /** Leaves the queue, if it still waits, to go on in another. */
  move(): void {
    const { home } = this;
    if (!home) return;
    this.stopWaiting();
    home.left(this);
  }

  granted(lock: Lock, now: number): void {
    this.done();
    if (lockEvents.granted.hasSubscribers) {
      tell(lockEvents.granted, { key: this.key, token: lock.token, waitedMs: now - this.since });
    }
    this.deferred.resolve(lock);
  }

  /** It is out of its queue: it was not to be had. */
  busy(facts: HolderFacts, now: number, reason: BusyReason = 'held', detail = ''): void {
    const waitedMs = now - this.since;
    this.done();
    // One of several that were tried in one go may be waited for yet: nothing is decided.
    if (!this.together) tell(lockEvents.busy, { key: this.key, waitedMs });
    if (this.settings.orNull) this.deferred.resolve(null);
    else this.deferred.reject(new LockBusyError(this.key, waitedMs, facts, reason, detail));
  }

  /** It is out of its queue: there will be no lock, for another reason than that it is taken. */
  fail(error: unknown, now: number): void {
    this.done();
    const channel = channelOf(error);
    if (channel) tell(channel, { key: this.key, waitedMs: now - this.since, error });
    this.deferred.reject(error);
  }

  private stopWaiting(): void {
    if (!this.home) return;
    this.home = undefined;
    this.deadlines.remove(this);
  }

  private done(): void {
    this.stopWaiting();
    if (this.onAbort) this.settings.signal?.removeEventListener('abort', this.onAbort);
    this.atEnd?.();
  }
}

function channelOf(error: unknown): (typeof lockEvents)['aborted'] | undefined {
  if (error instanceof LockAbortedError) return lockEvents.aborted;
  if (error instanceof LockUnavailableError) return lockEvents.unavailable;
  if (error instanceof LockRefusedError) return lockEvents.refused;
  return undefined;
}
