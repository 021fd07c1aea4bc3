import { EXCLUSIVE, isSameMode, type LockMode } from '../../stores/lock-mode.js';
import type { Attempt, AttemptListener, Grant, HolderInfo } from '../../stores/lock-store.js';
import type { Lock } from '../lock.js';
import { NOBODY, storeError, type BusyReason, type HolderFacts } from '../lock.errors.js';
import { Release } from '../release.js';
import { describeRing } from './deadlock.js';
import { KeyLeases } from './key-leases.js';
import { firstLook, judgeWait } from './patience.js';
import type { Waiter, WaiterHome } from './waiter.js';

/** Ms until somebody who would be told of silence is looked at once more. */
const SECOND_LOOK = 25;

/**
 * The waiters of one key in this process, and the leases they hold. The first waits in the store for
 * all of them; when the lock comes it is handed over from one to the next, bounded, without another
 * word to the store.
 */
export class KeyQueue extends KeyLeases implements WaiterHome, AttemptListener {
  private attempt: Attempt | undefined;
  /** In which mode that asks. */
  private asked: LockMode = EXCLUSIVE;

  /** Whether it has a place in the store's queue, or is on the way there. */
  get isAsking(): boolean {
    return this.attempt !== undefined;
  }

  holders(): readonly Lock[] {
    return this.settings.deadlocks.holdersOf(this.key);
  }

  enter(waiter: Waiter): void {
    if (this.join(waiter, waiter.since)) return;
    this.waiters.push(waiter);
    waiter.waitsIn(
      this,
      waiter.since + firstLook(waiter.settings.waitTime, this.settings.unavailableAfter),
    );
    this.goOn();
  }

  /** Answers one who does not wait; false when only the store can. */
  answer(waiter: Waiter): boolean {
    if (this.join(waiter, waiter.since)) return true;
    const { first } = this.waiters;
    const isTaken =
      !this.fits(waiter.mode) || (first !== undefined && this.waitsForHandOver(first));
    if (!isTaken || this.isOtherLimit(waiter.mode)) return false;
    waiter.busy(this.facts(), waiter.since);
    return true;
  }

  left(waiter: Waiter): void {
    this.waiters.remove(waiter);
    this.goOn();
  }

  check(waiter: Waiter, now: number): number | undefined {
    const verdict = judgeWait(this.attempt, waiter.deadline, now, this.settings.unavailableAfter);
    if (verdict === 'busy') {
      this.rejectBusy(waiter, now);
      return undefined;
    }
    if (typeof verdict === 'number') {
      return now < waiter.deadline ? this.checkRing(waiter, now, verdict) : verdict;
    }
    const since = this.attempt?.silence?.since;
    if (waiter.silentSince !== since) {
      // A process that was busy has answers to read: it is silence when the next look finds the same.
      waiter.silentSince = since;
      return now + SECOND_LOOK;
    }
    this.waiters.remove(waiter);
    waiter.fail(storeError(this.key, verdict), now);
    this.goOn();
    return undefined;
  }

  granted(grant: Grant): void {
    this.attempt = undefined;
    const now = this.settings.clock.mono();
    const next = this.waiters.first;
    if (next) {
      const lease = this.keep(grant, next.leaseTime, next.settings, now);
      if (lease) {
        this.letIn(lease, next, now);
        this.joinReaders(lease, now);
      }
    } else {
      this.store.release(grant, grant.token, Release.unheard);
    }
    this.goOn();
  }

  refused(holders: readonly HolderInfo[]): void {
    this.attempt = undefined;
    this.waiters.shift()?.busy(this.factsOf(holders), this.settings.clock.mono());
    this.goOn();
  }

  failed(error: Error): void {
    this.attempt = undefined;
    const now = this.settings.clock.mono();
    const told = storeError(this.key, error);
    // Who asks for the key in another way may be answered otherwise.
    while (this.waiters.first && isSameMode(this.waiters.first.mode, this.asked)) {
      this.waiters.shift()?.fail(told, now);
    }
    this.goOn();
  }

  /** Asks the store for the first who waits, or leaves its queue when nobody does. */
  protected goOn(): void {
    const { first } = this.waiters;
    if (this.attempt && !(first && isSameMode(first.mode, this.asked))) {
      this.attempt.leave();
      this.attempt = undefined;
    }
    if (!first) {
      if (!this.isHeld) this.settings.emptied(this);
    } else if (!this.attempt && !this.waitsForHandOver(first)) {
      this.asked = first.mode;
      this.attempt = this.store.acquire(first, this);
    }
  }

  private rejectBusy(
    waiter: Waiter,
    now: number,
    ring = this.settings.deadlocks.find(waiter),
  ): void {
    const reason: BusyReason = ring ? 'deadlock' : 'held';
    const facts = this.facts();
    this.waiters.remove(waiter);
    waiter.busy(facts, now, reason, ring && describeRing(ring));
    this.goOn();
  }

  /**
   * Who waits for ever is told of a deadlock when all in the ring do, and have done so for a while.
   * @param again when to look again
   */
  private checkRing(waiter: Waiter, now: number, again: number): number | undefined {
    const ring = this.settings.deadlocks.findLasting(waiter, now);
    if (!ring) return again;
    this.rejectBusy(waiter, now, ring);
    return undefined;
  }

  /** Who stands in the way, as far as it is known. */
  private facts(): HolderFacts {
    const [lease] = this.leases;
    if (lease) return lease.holderFacts(this.settings.holds.retryAfter(this.key, lease.heldMs));
    const progress = this.attempt?.progress;
    return this.factsOf(progress && progress.state !== 'unanswered' ? progress.holders : []);
  }

  private factsOf([first]: readonly HolderInfo[]): HolderFacts {
    if (!first) return NOBODY;
    const { holder, mode, sinceEpochMs, remainingMs } = first;
    const { clock, holds } = this.settings;
    // Another library's lock may end by itself, and nothing is known of its beginning.
    const retryAfter =
      sinceEpochMs === undefined
        ? remainingMs
        : holds.retryAfter(this.key, clock.wall() - sinceEpochMs);
    return { holder, mode, sinceEpochMs, retryAfter };
  }
}
