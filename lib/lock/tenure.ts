import type { Clock, Instant } from '../clock.js';
import type { Grant, HeldLease } from '../stores/lock-store.js';
import { lockEvents } from './lock-events.js';
import { LockLostError } from './lock.errors.js';
import { remaining, validUntil } from './validity.js';

/** A renewal that was sent. */
export interface Renewal {
  readonly leaseTime: number;
}

/**
 * One process's ownership of a key in its store, from the grant until it is released or lost. Local
 * holds pass through it one after the other; validity and loss are the tenure's, so that when it
 * is lost every hold through it is.
 */
export class Tenure implements HeldLease {
  readonly key: string;
  readonly owner: string;
  /** The fencing token in use; each hold through this tenure gets a larger one. */
  token: number;
  /** What the next renewal asks for, in ms. */
  leaseTime: number;
  /** When the tenure began, on the monotonic clock. */
  readonly grantedAt: number;
  /** How many holds have come after the first. */
  handOvers = 0;
  /** On the monotonic clock; from then on the lease is left to run out. */
  renewUntil = Infinity;
  /** When the keeper looks at this tenure next, on the monotonic clock. */
  nextLook = 0;
  /** Whether a renewal has failed since the last that succeeded. */
  suspect = false;

  private until: Instant;
  /** The last renewal that was sent. */
  private renewal: Renewal | undefined;
  private error: LockLostError | undefined;
  private listeners: Set<(error: LockLostError) => void> | undefined;

  constructor(
    grant: Grant,
    private readonly clock: Clock,
    /** The line it was granted to, which goes on without it when it is lost. */
    private readonly line: { lost(tenure: Tenure): void },
  ) {
    this.key = grant.key;
    this.owner = grant.owner;
    this.token = grant.token;
    this.leaseTime = grant.leaseTime;
    this.until = validUntil(grant.from, grant.leaseTime);
    this.grantedAt = clock.mono();
  }

  /** Ms for which this tenure may still be believed in. */
  get remaining(): number {
    return this.error ? 0 : remaining(this.until, this.clock);
  }

  /** The end of the validity, in ms since the epoch. */
  get expiresAt(): number {
    return this.until.wall;
  }

  /** How long this tenure has lasted, in ms. */
  get held(): number {
    return this.clock.mono() - this.grantedAt;
  }

  /** The loss, if there was one. */
  get lost(): LockLostError | undefined {
    this.look();
    return this.error;
  }

  /** Looks at the clocks: after a pause nobody else has done so yet. */
  look(): void {
    if (this.error || remaining(this.until, this.clock) > 0) return;
    this.lose(
      this.clock.mono() >= this.renewUntil
        ? 'maxHoldTime has passed and the lease ran out'
        : 'its lease ran out before it could be renewed',
    );
  }

  /**
   * To be called before a renewal is sent: from then on the lease may end as early as it says, and
   * no answer need ever arrive.
   */
  renewing(leaseTime: number): Renewal {
    const least = validUntil(this.clock.now(), leaseTime);
    if (remaining(least, this.clock) < remaining(this.until, this.clock)) this.until = least;
    return (this.renewal = { leaseTime });
  }

  renewed(from: Instant, renewal: Renewal): void {
    // The answer to an earlier one says nothing of a shorter lease that was asked for since.
    if (renewal === this.renewal) this.until = validUntil(from, renewal.leaseTime);
    this.suspect = false;
    if (lockEvents.renew.hasSubscribers) lockEvents.renew.publish(this.facts());
  }

  /** Announces, once until the next success, that a renewal failed. */
  suspected(error: unknown): void {
    if (this.suspect) return;
    this.suspect = true;
    if (lockEvents.suspect.hasSubscribers) lockEvents.suspect.publish({ ...this.facts(), error });
  }

  lose(reason: string, cause?: unknown): void {
    if (this.error) return;
    const error = new LockLostError(this.key, this.token, reason, cause);
    this.error = error;
    if (lockEvents.lost.hasSubscribers) lockEvents.lost.publish({ ...this.facts(), error });
    const listeners = this.listeners;
    this.listeners = undefined;
    for (const listener of listeners ?? []) listener(error);
    this.line.lost(this);
  }

  onLost(listener: (error: LockLostError) => void): void {
    if (this.error) listener(this.error);
    else (this.listeners ??= new Set()).add(listener);
  }

  offLost(listener: (error: LockLostError) => void): void {
    this.listeners?.delete(listener);
  }

  facts(): { key: string; token: number; held: number } {
    return { key: this.key, token: this.token, held: this.held };
  }
}
