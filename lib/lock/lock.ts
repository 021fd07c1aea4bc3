import { inspect } from 'node:util';
import type { LockMode } from '../stores/lock-mode.js';
import type { LockStore } from '../stores/lock-store.js';
import type { Lease } from './lease/lease.js';
import type { Acquisition } from './acquisition.js';
import type { Caller } from './caller.js';
import { lockEvents } from './lock-events.js';
import type { LockSource, NestedHolds } from './lock-source.js';
import { LockLostError } from './lock.errors.js';
import { outside } from '../outside.js';
import { runInLocks } from './queue/lock-context.js';
import { Release } from './release.js';
import { downgrade, extend, handOff } from './lock-changes.js';

/**
 * A lock that is held. Made by `LockService`; end it with `release()`, or let `await using` or
 * `locks.using` do so.
 *
 * @example
 * ```ts
 * const lock = await locks.acquire('order:42');
 * try {
 *   await pay(order, { signal: lock.signal, fence: lock.token });
 *   lock.assertHeld();
 * } finally {
 *   await lock.release();
 * }
 * ```
 */
export class Lock implements AsyncDisposable {
  /** What is locked, as it was named. */
  readonly key: string;
  /**
   * The fencing token: larger than that of every earlier holder of this key. A resource that
   * refuses a smaller one than it has seen is safe even from a holder that slept through its lease.
   */
  readonly token: number;
  /** @internal */
  nested: NestedHolds | undefined;
  /** A change of its grant that is under way: the end waits for it. @internal */
  changing: Promise<void> | undefined;
  /** Whether it ends before its key is given back, so that its end is nothing to tell. @internal */
  isPart = false;
  /** The locks of the list that it was taken with. @internal */
  companions: readonly Lock[] | undefined;
  /** Who asked for it by `@Locked`. @internal */
  caller: Caller | undefined;
  /** What is told of it, if anybody listened when it was asked for. @internal */
  acquisition: Acquisition | undefined;

  private controller: AbortController | undefined;
  private onLeaseLost: ((error: LockLostError) => void) | undefined;
  private loss: LockLostError | undefined;
  private ending: Promise<boolean> | undefined;

  /** @internal */
  constructor(
    /** @internal */
    readonly lease: Lease,
    /** @internal */
    readonly source: LockSource,
    /** When this holder began, on the monotonic clock. @internal */
    readonly since: number,
    /** Of a lock taken inside another: how it is held there. */
    private readonly nestedMode?: LockMode,
  ) {
    this.key = lease.key;
    this.token = lease.token;
  }

  /** How it is held beside others. */
  get mode(): LockMode {
    return this.nestedMode ?? this.lease.grant.mode;
  }

  /** A lock is known by its store and its key. @internal */
  get store(): LockStore {
    return this.source.store;
  }

  /**
   * Whether this stands for a lock that could not be had: the store gave no answer and
   * `whenUnavailable: 'proceed'` let the work run without it. `isHeld()` is false and `token` 0.
   */
  get unlocked(): boolean {
    return this.token === 0;
  }

  /** Whether `release()` was called. */
  get ended(): boolean {
    return this.ending !== undefined;
  }

  /**
   * Why this lock is not ours any more, as far as it was noticed: `isHeld()` looks. Undefined while
   * it is ours, and after a release that found it so.
   */
  get lost(): LockLostError | undefined {
    if (this.loss) return this.loss;
    return this.ending || this.unlocked ? undefined : this.lease.lost;
  }

  /**
   * Aborts, with the `LockLostError` as its reason, before the store can have given the lock to
   * another. Hand it to whatever the work waits for.
   */
  get signal(): AbortSignal {
    // Made when first asked for: it costs a tenth of a whole acquire and release.
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.loss) this.controller.abort(this.loss);
      else if (!this.ending && !this.unlocked) this.listen();
    }
    if (!this.ending && !this.unlocked) this.lease.checkExpiry();
    return this.controller.signal;
  }

  /** Until when the lock may be believed in without a renewal, in ms since the epoch. */
  get expiresAt(): number {
    return this.lease.expiresAtEpochMs;
  }

  /** Whether the lock is still ours, by both clocks of this process, right now. */
  isHeld(): boolean {
    return !this.ending && !this.loss && this.lease.checkExpiry();
  }

  /**
   * Does nothing while the lock is ours.
   * @throws LockLostError when it was lost or released
   */
  assertHeld(): void {
    if (this.isHeld()) return;
    const { lost } = this;
    throw lost ?? this.lease.lost ?? new LockLostError(this.key, this.token, 'it was released');
  }

  /**
   * Runs `work` inside this lock, as `locks.using` does, together with the locks that it was taken
   * with: `currentLock()` finds it there, and taking its key again does not wait for itself.
   * @returns what the work returns
   *
   * @example
   * ```ts
   * await using lock = await locks.acquire('order:42');
   * await lock.run(() => this.orders.pay(42)); // pay() is @Locked('order:<0>') itself
   * ```
   */
  run<T>(work: () => T): T {
    return runInLocks(this.companions ?? [this], work);
  }

  /**
   * Renews the lease now, and from now on by `ms` at a time. Held locks are renewed without being
   * asked; this is for changing the lease, or for making sure before a step that cannot be undone.
   * @param ms the new lease, at least 10; default: the lease it was acquired with
   * @throws LockLostError when the lock is not ours any more
   * @throws LockUnavailableError when the store gives no answer; the lock is still ours then
   * @throws LockRefusedError when the store answers with an error
   */
  extend(ms: number = this.lease.leaseTime): Promise<void> {
    return extend(this, ms);
  }

  /**
   * Makes an exclusive lock a shared one, without a moment in which nobody holds it: readers come in
   * beside it, and `token` grows. There is no way back but to release it.
   * @throws LockUsageError when it is limited, or was taken inside another lock on its key
   * @throws LockUnavailableError when the store gives no answer; readers may be in, so it is lost then
   * @throws LockLostError, LockRefusedError as `extend`
   *
   * @example
   * ```ts
   * await this.rates.refresh({ fence: lock.token });
   * await lock.downgrade();
   * return this.rates.read(); // others read too, nobody writes
   * ```
   */
  downgrade(): Promise<void> {
    return downgrade(this);
  }

  /**
   * Leaves the lock to whoever gets the ticket, in this process or another, who goes on with it by
   * `locks.resume(ticket)`. This holder does not believe in it any more; a scope round it
   * ends well. A ticket that nobody resumes ends with its lease. It is a secret, like a password.
   * @param options.leaseTime how long it is kept for that, in ms, at least 10; default: its lease
   * @returns a string of URL-safe letters
   * @throws LockUsageError when others hold through it, inside it or beside it
   * @throws LockLostError, LockUnavailableError, LockRefusedError as `extend`
   *
   * @example
   * ```ts
   * await queue.add('export', { id: 42, ticket: await lock.handOff({ leaseTime: 600_000 }) });
   * // in the worker
   * await using lock = await locks.resume(job.data.ticket);
   * ```
   */
  handOff(options: { readonly leaseTime?: number | undefined } = {}): Promise<string> {
    const { leaseTime = this.lease.leaseTime } = options;
    return handOff(this, leaseTime);
  }

  /**
   * Gives the lock back; the next who waits has it at once. May be called again: the answer is the same.
   * @returns true if it was ours to the end, false if it had been lost
   * @throws LockUnavailableError when the store gives no answer; the lease ends by itself then
   * @throws LockRefusedError when the store answers with an error
   */
  release(): Promise<boolean> {
    return (this.ending ??= this.end());
  }

  /** `release()` for the end of a block: what the block returned or threw is not to be masked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  /** What is printed of a lock: never the secret that would let somebody release it. */
  toJSON(): object {
    const { key, token, ended, unlocked } = this;
    return { key, token, ended, unlocked, lost: this.lost?.detail };
  }

  /** @internal */
  [inspect.custom](): string {
    return `Lock ${inspect(this.toJSON())}`;
  }

  /** Somebody else goes on with it. @internal */
  leave(): void {
    this.ending = Release.done;
  }

  /** This holder has lost it, whatever becomes of the lease. @internal */
  lose(error: LockLostError): void {
    if (this.loss) return;
    this.loss = error;
    this.lease.teller.lost(this, error);
    outside(() => this.controller?.abort(error));
  }

  private listen(): void {
    this.onLeaseLost = (error) => {
      this.loss ??= error;
      this.controller?.abort(this.loss);
    };
    this.lease.onLost(this.onLeaseLost);
  }

  private end(): Promise<boolean> {
    if (!this.unlocked && !this.isPart) this.lease.teller.tell(lockEvents.release, this);
    if (this.nested?.isBusy === true) return this.endAfterNested(this.nested);
    if (this.changing) return this.changing.then(() => this.source.end(this));
    const answer = this.source.end(this);
    // The lease goes on under another holder: what becomes of it is not this one's affair.
    if (this.onLeaseLost && answer === Release.done) this.lease.offLost(this.onLeaseLost);
    return answer;
  }

  /** Work that was not awaited still holds this lock from within: it keeps the key until it ends. */
  private endAfterNested(nested: NestedHolds): Promise<boolean> {
    const isHeld = this.lease.checkExpiry();
    nested.whenIdle = () => {
      this.source.end(this).catch(() => undefined);
    };
    return Promise.resolve(isHeld);
  }
}
