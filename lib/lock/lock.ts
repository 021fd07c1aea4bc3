import { lockEvents } from './lock-events.js';
import { MIN_LEASE_TIME, checkTime } from './lock-options.js';
import { LockLostError, LockUnavailableError } from './lock.errors.js';
import type { Tenure } from './tenure.js';

/** Where a lock came from and goes back to. */
export interface LockSource {
  /** Takes a lock back. True if it was still ours, false if it had been lost. */
  end(lock: Lock): boolean | Promise<boolean>;
  /** Renews the lease under a lock. */
  extend(tenure: Tenure, leaseTime: number): Promise<void>;
}

/** What is taken inside a held lock on the same key. */
export interface NestedHolds {
  readonly busy: boolean;
  /** Called when the last of them has ended. */
  whenIdle: () => void;
}

const OURS = Promise.resolve(true);
const NOT_OURS = Promise.resolve(false);

/**
 * A lock that is held. Made by `LockService`; end it with `release()`, or let `await using` or
 * `locks.using` do so.
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

  private controller: AbortController | undefined;
  private onLost: ((error: LockLostError) => void) | undefined;
  private ending: Promise<boolean> | undefined;

  /** @internal */
  constructor(
    /** @internal */
    readonly tenure: Tenure,
    /** @internal */
    readonly source: LockSource,
    /** On the monotonic clock. */
    private readonly since: number,
  ) {
    this.key = tenure.key;
    this.token = tenure.token;
  }

  /**
   * Whether this stands for a lock that could not be had: the store did not answer and
   * `whenUnavailable: 'proceed'` let the work run without it. `isHeld()` is false and `token` 0.
   */
  get unlocked(): boolean {
    return this.token === 0;
  }

  /** Whether `release()` was called. */
  get ended(): boolean {
    return this.ending !== undefined;
  }

  /** Why this lock is not ours any more; undefined while it is, and after an ordinary release. */
  get lost(): LockLostError | undefined {
    return this.ending || this.unlocked ? undefined : this.tenure.lost;
  }

  /**
   * Aborts, with the `LockLostError` as its reason, before the store can have given the lock to
   * another. Hand it to whatever the work waits for.
   */
  get signal(): AbortSignal {
    // Made when first asked for: it costs a tenth of a whole acquire and release.
    if (!this.controller) {
      const controller = (this.controller = new AbortController());
      if (!this.ending) {
        this.onLost = (error) => controller.abort(error);
        this.tenure.onLost(this.onLost);
      }
    }
    if (!this.ending) this.tenure.look();
    return this.controller.signal;
  }

  /** Until when the lock may be believed in without a renewal, in ms since the epoch. */
  get expiresAt(): number {
    return this.tenure.expiresAt;
  }

  /** Whether the lock is still ours, by both clocks of this process, right now. */
  isHeld(): boolean {
    return !this.ending && !this.tenure.lost;
  }

  /**
   * Does nothing while the lock is ours.
   * @throws LockLostError when it was lost or released
   */
  assertHeld(): void {
    if (this.ending) throw new LockLostError(this.key, this.token, 'it has been released');
    const { lost } = this.tenure;
    if (lost) throw lost;
  }

  /**
   * Renews the lease now, and from now on by `ms` at a time. Held locks are renewed without being
   * asked; this is for changing the lease, or for making sure before a step that cannot be undone.
   * @param ms the new lease, at least 10; default: the lease it was acquired with
   * @throws LockLostError when the lock is not ours any more
   * @throws LockUnavailableError when the store does not answer; the lock is still ours then
   */
  async extend(ms: number = this.tenure.leaseTime): Promise<void> {
    checkTime('ms', ms, MIN_LEASE_TIME);
    this.assertHeld();
    try {
      await this.source.extend(this.tenure, ms);
    } catch (error) {
      throw new LockUnavailableError(this.key, 'it could not be extended', error);
    }
    this.assertHeld();
  }

  /**
   * Gives the lock back; the next in line has it at once. May be called again: the answer is the same.
   * @returns true if it was ours to the end, false if it had been lost
   * @throws LockUnavailableError when the store does not answer; the lease ends by itself then
   */
  release(): Promise<boolean> {
    return (this.ending ??= this.end());
  }

  /** `release()` for the end of a block: what the block returned or threw is not to be masked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  private end(): Promise<boolean> {
    if (this.onLost) this.tenure.offLost(this.onLost);
    if (lockEvents.release.hasSubscribers && !this.unlocked) {
      const held = this.tenure.grantedAt + this.tenure.held - this.since;
      lockEvents.release.publish({ key: this.key, token: this.token, held });
    }
    const ours = this.nested?.busy ? this.endAfterNested(this.nested) : this.source.end(this);
    if (typeof ours === 'boolean') return ours ? OURS : NOT_OURS;
    return ours.catch((error: unknown) => {
      // Who does not wait for the answer is not to be brought down by it.
      this.ending?.catch(() => undefined);
      throw new LockUnavailableError(this.key, 'it could not be released', error);
    });
  }

  /** Work that was not awaited still holds this lock from within: it keeps the key until it ends. */
  private endAfterNested(nested: NestedHolds): boolean {
    const held = !this.tenure.lost;
    nested.whenIdle = () => {
      Promise.resolve(this.source.end(this)).catch(() => undefined);
    };
    return held;
  }
}
