import type { Channel } from 'node:diagnostics_channel';
import type { Clock, Instant } from '../../clock.js';
import type { Grant } from '../../stores/lock-store.js';
import { lockEvents } from '../lock-events.js';
import type { Lock } from '../lock.js';
import { LockLostError, type HolderFacts } from '../lock.errors.js';
import { outside } from '../../outside.js';
import type { Teller } from '../teller.js';
import { remaining, validUntil } from './validity.js';

/** A renewal that was sent. */
export interface SentRenewal {
  /** What it asks for, in ms. */
  readonly leaseTime: number;
  /** Whether it was cut short, so that it ends with `maxHoldTime`. */
  readonly last: boolean;
  /** When, on the monotonic clock. */
  readonly at: number;
}

/** Whose lease it is, and who goes on without it when it is lost. */
export interface LeaseOwner {
  readonly teller: Teller;
  leaseLost(lease: Lease): void;
}

/** Why a lock is lost that the store does not know as ours any more. */
export const FORGOTTEN = 'the store has given it to another, or has no memory of it';

type LossListener = (error: LockLostError) => void;

/**
 * One process's lease of a key in its store, from the grant until it is released or lost. Holders of
 * this process may follow each other on it; validity and loss are the lease's, so that when it is
 * lost all who hold through it have lost their lock.
 */
export class Lease {
  /** The last fencing token used; each holder on this lease gets a larger one. */
  token: number;
  /** How many holders have come after the first. */
  handOvers = 0;
  /** For how long its holder may hold it at most, in ms. */
  maxHoldTime = Infinity;
  /** When that is over, on the monotonic clock: no renewal reaches beyond it. */
  heldUntil = Infinity;
  /** Until when nobody else is to have the key, on the monotonic clock, whoever ends before. */
  keepUntil = 0;
  /** Whether its holder is about to leave it to another process: nobody joins. */
  isLeaving = false;
  /** Whether the last renewal failed. */
  isSuspect = false;
  /** The loss, once it was noticed. */
  lost: LockLostError | undefined;

  /** Where the keeper has it: when it looks at it next, and its neighbours there. */
  bucket: object | undefined;
  next: Lease | undefined;
  previous: Lease | undefined;

  /** Who of this process holds the lock through it; readers may be several. */
  private holder: Lock | undefined;
  private readers: Set<Lock> | undefined;
  private validUntil: Instant;
  private sent: SentRenewal | undefined;
  /** Whether the store has given all that was asked for. */
  private isWhole: boolean;
  private listeners: Set<LossListener> | undefined;

  constructor(
    public grant: Grant,
    /** What the next renewal asks for, in ms. */
    public leaseTime: number,
    private readonly clock: Clock,
    private readonly owner: LeaseOwner,
    /** When it was granted, on the monotonic clock. */
    readonly grantedAt: number,
    /** Whether it is to be renewed. */
    readonly renews = true,
  ) {
    this.token = grant.token;
    this.isWhole = grant.leaseTime >= leaseTime;
    // It may have been asked for by another, who left, and for longer.
    const given = renews ? grant.leaseTime : Math.min(grant.leaseTime, leaseTime);
    this.validUntil = validUntil(grant.from, given);
  }

  get key(): string {
    return this.grant.key;
  }

  get teller(): Teller {
    return this.owner.teller;
  }

  get holders(): readonly Lock[] {
    const { holder, readers = [] } = this;
    return holder ? [holder, ...readers] : [...readers];
  }

  join(lock: Lock): void {
    if (this.holder) (this.readers ??= new Set()).add(lock);
    else this.holder = lock;
  }

  /** @returns whether nobody holds through it any more */
  leave(lock: Lock): boolean {
    if (this.holder === lock) this.holder = undefined;
    else this.readers?.delete(lock);
    return !this.holder && !this.readers?.size;
  }

  /** A holder begins, who may hold it for `maxHoldTime` ms at most. */
  holdFor(maxHoldTime: number, now: number): void {
    this.maxHoldTime = maxHoldTime;
    this.heldUntil = now + (this.renews ? maxHoldTime : this.leaseTime);
  }

  /** Nobody else is to have the key for `minHoldTime` ms, nor before any who asked so earlier. */
  keepFor(minHoldTime: number, now: number): void {
    if (minHoldTime > 0) this.keepUntil = Math.max(this.keepUntil, now + minHoldTime);
  }

  /** It goes on under another grant. */
  succeeded(grant: Grant): void {
    this.grant = grant;
    this.token = grant.token;
    this.sent = undefined;
    this.validUntil = validUntil(grant.from, grant.leaseTime);
  }

  /** Ms for which it may still be believed in; 0 or less when it may not. */
  get remainingMs(): number {
    return this.lost ? 0 : remaining(this.validUntil, this.clock);
  }

  /** The end of the validity, in ms since the epoch. */
  get expiresAtEpochMs(): number {
    return this.validUntil.wall;
  }

  /** How long it has lasted, in ms. */
  get heldMs(): number {
    return this.clock.mono() - this.grantedAt;
  }

  /** Whether the last renewal that was sent was cut short: none is to follow it. */
  get isLast(): boolean {
    return this.sent?.last === true;
  }

  isValid(): boolean {
    return this.remainingMs > 0;
  }

  /**
   * Looks at the clocks, for after a pause nobody else has done so yet; true if it is still held.
   * @param mono the monotonic clock, where it has just been read
   */
  checkExpiry(mono = this.clock.mono()): boolean {
    if (this.lost) return false;
    if (remaining(this.validUntil, this.clock, mono) > 0) return true;
    this.lose(this.endReason);
    return false;
  }

  /**
   * Whether it is to be renewed in time: not one that has all that was asked for, and not one that is
   * left to another process, whose time a late renewal would prolong.
   */
  get wantsRenewal(): boolean {
    return (this.renews || !this.isWhole) && !this.isLeaving;
  }

  /**
   * What a renewal asks for now. To be called before it is sent: from then on the lease may end as
   * early as it says, and no answer need ever arrive.
   */
  renewing(): SentRenewal {
    const now = this.clock.now();
    const longest = this.heldUntil - now.mono;
    const last = longest <= this.leaseTime;
    const leaseTime = last ? Math.max(1, longest) : this.leaseTime;
    const least = validUntil(now, leaseTime);
    if (remaining(least, this.clock) < this.remainingMs) this.validUntil = least;
    return (this.sent = { leaseTime, last, at: now.mono });
  }

  /** The store has renewed it. */
  renewed(from: Instant, leaseTime: number, sent: SentRenewal): void {
    // The answer to an earlier one says nothing of a shorter lease that was asked for since.
    if (sent === this.sent) this.validUntil = validUntil(from, leaseTime);
    this.isSuspect = false;
    this.isWhole = true;
    this.tell(lockEvents.renew, sent);
  }

  /** A renewal failed: it is suspect until the next that goes well. */
  suspected(error: unknown, sent: SentRenewal): void {
    this.tell(lockEvents.renewFailed, sent, error);
    if (this.isSuspect) return;
    this.isSuspect = true;
    this.tell(lockEvents.suspect, sent, error);
  }

  /**
   * Ends it as lost: tells so, and lets its queue go on without it.
   * @param holders who is told: one who has just given it back does not hold it any more
   */
  lose(reason: string, cause?: unknown, holders = this.holders): void {
    if (this.lost) return;
    const error = new LockLostError(this.key, this.token, reason, cause);
    this.lost = error;
    const { listeners } = this;
    this.listeners = undefined;
    for (const holder of holders) this.teller.lost(holder, error);
    if (listeners) {
      outside(() => {
        for (const listener of listeners) listener(error);
      });
    }
    this.owner.leaseLost(this);
  }

  onLost(listener: LossListener): void {
    if (this.lost) listener(this.lost);
    else (this.listeners ??= new Set()).add(listener);
  }

  offLost(listener: LossListener): void {
    this.listeners?.delete(listener);
  }

  /**
   * What a caller is told who cannot have the key meanwhile.
   * @param retryAfter when to come back, in ms
   */
  holderFacts(retryAfter: number): HolderFacts {
    return {
      holder: this.grant.holder,
      mode: this.grant.mode,
      sinceEpochMs: this.clock.wall() - this.heldMs,
      retryAfter,
    };
  }

  private get endReason(): string {
    if (!this.renews) return 'its leaseTime has passed, and it is not renewed';
    return this.isLast ? 'maxHoldTime has passed' : 'its lease ran out before it could be renewed';
  }

  /** Told once, however many hold through it. */
  private tell(to: Channel, sent: SentRenewal, error?: unknown): void {
    const [first] = this.holders;
    if (!first || !to.hasSubscribers) return;
    const tookMs = this.clock.mono() - sent.at;
    this.teller.tell(to, first, error === undefined ? { tookMs } : { tookMs, error });
  }
}
