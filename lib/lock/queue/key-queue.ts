import type { Clock } from '../../clock.js';
import { compatible } from '../../stores/lock-mode.js';
import {
  type Attempt,
  type AttemptListener,
  type Grant,
  type HolderInfo,
  type LockStore,
} from '../../stores/lock-store.js';
import { Lease, type LeaseOwner } from '../lease/lease.js';
import type { LeaseKeeper } from '../lease/lease-keeper.js';
import { Lock, type LockSource } from '../lock.js';
import { NOBODY, storeError, type BusyReason, type HolderFacts } from '../lock.errors.js';
import { Release } from '../release.js';
import { describeRing, type DeadlockFinder } from './deadlock.js';
import { firstLook, judgeWait } from './patience.js';
import { WaiterQueue } from './waiter-queue.js';
import type { Waiter, WaiterHome } from './waiter.js';

/** How far a lock may be handed over inside the process before the others have their turn. */
export interface HandOverBound {
  /** Hand-overs on one lease; 0 turns them off. */
  readonly count: number;
  /** Ms since the lease was granted. */
  readonly time: number;
}

/** What the queues of one service share. */
export interface QueueSettings {
  readonly store: LockStore;
  readonly keeper: LeaseKeeper;
  readonly clock: Clock;
  readonly handOver: HandOverBound;
  /** How long the store may be silent before a waiter is told so, in ms. */
  readonly unavailableAfter: number;
  readonly deadlocks: DeadlockFinder;
  /** Called when a queue has neither holder nor waiters. */
  emptied(queue: KeyQueue): void;
}

/** Ms until somebody who would be told of silence is looked at once more. */
const SECOND_LOOK = 25;
const NO_LEASES: readonly Lease[] = [];

/**
 * The waiters of one key in this process, and the leases they hold. The first waits in the store for
 * all of them; when the lock comes it is handed over from one to the next, bounded, without another
 * word to the store.
 */
export class KeyQueue implements LockSource, LeaseOwner, WaiterHome, AttemptListener {
  readonly waiters = new WaiterQueue();
  private leases: readonly Lease[] = NO_LEASES;
  private attempt: Attempt | undefined;

  constructor(
    readonly key: string,
    private readonly settings: QueueSettings,
  ) {}

  get store(): LockStore {
    return this.settings.store;
  }

  /** Whether somebody in this process has the key. */
  get isHeld(): boolean {
    return this.leases.length > 0;
  }

  holders(): readonly Lock[] {
    return this.settings.deadlocks.holdersOf(this.key);
  }

  enter(waiter: Waiter): void {
    if (!waiter.wait && this.isHeld) {
      waiter.busy(this.facts(), waiter.since);
      return;
    }
    this.waiters.push(waiter);
    waiter.waitsIn(
      this,
      waiter.since + firstLook(waiter.settings.waitTime, this.settings.unavailableAfter),
    );
    this.goOn();
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
    const { clock, keeper, store } = this.settings;
    const next = this.waiters.first;
    const now = clock.mono();
    const lease = new Lease(grant, next?.leaseTime ?? grant.leaseTime, clock, this, now);
    const left = lease.remainingMs;
    if (!next || left <= 0) {
      // A grant that arrives after its own validity is not a lock.
      store.release(grant, grant.token, Release.unheard);
      this.goOn();
      return;
    }
    // Mostly the only one: an array that is made to grow would take more than the lease itself.
    this.leases = this.isHeld ? [...this.leases, lease] : [lease];
    lease.heldUntil = now + next.settings.maxHoldTime;
    keeper.keep(lease, left, now);
    void grant.lost?.then((error) => lease.lose(error.message, error));
    this.give(lease, now);
    this.goOn();
  }

  refused(holders: readonly HolderInfo[]): void {
    this.attempt = undefined;
    this.waiters.shift()?.busy(factsOf(holders), this.settings.clock.mono());
    this.goOn();
  }

  failed(error: Error): void {
    this.attempt = undefined;
    const now = this.settings.clock.mono();
    const told = storeError(this.key, error);
    for (let next = this.waiters.shift(); next; next = this.waiters.shift()) next.fail(told, now);
    this.goOn();
  }

  extend(lease: Lease, leaseTime: number): Promise<void> {
    return this.settings.keeper.extend(lease, leaseTime);
  }

  end(lock: Lock): Promise<boolean> {
    const { lease } = lock;
    const now = this.settings.clock.mono();
    // A lost lease has left already, and another may have come: there is nothing to give back.
    if (!lease.checkExpiry(now)) return Release.lost;
    const { first } = this.waiters;
    if (first && this.handOver(lease, first, now)) return Release.done;
    this.remove(lease);
    const release = new Release(lease);
    this.settings.store.release(lease.grant, lease.token, release);
    this.goOn();
    return release.answer;
  }

  leaseLost(lease: Lease): void {
    if (!this.remove(lease)) return;
    // It may still be ours in the store: given back, the next who waits need not wait for its end.
    this.settings.store.release(lease.grant, lease.token, Release.unheard);
    this.goOn();
  }

  /** Passes the lock on inside the process, if the bound allows it. */
  private handOver(lease: Lease, next: Waiter, now: number): boolean {
    const { handOver, keeper } = this.settings;
    if (next.leaseTime !== lease.leaseTime || lease.handOvers >= handOver.count) return false;
    const isOver = now - lease.grantedAt >= handOver.time;
    if (isOver || lease.token >= lease.grant.lastToken) return false;
    lease.handOvers += 1;
    lease.token += 1;
    lease.heldUntil = now + next.settings.maxHoldTime;
    keeper.handedOver(lease);
    this.give(lease, now);
    return true;
  }

  private give(lease: Lease, now: number): void {
    const waiter = this.waiters.shift() as Waiter;
    lease.holder = new Lock(lease, this, now);
    waiter.granted(lease.holder, now);
  }

  private remove(lease: Lease): boolean {
    if (!this.leases.includes(lease)) return false;
    this.leases =
      this.leases.length === 1 ? NO_LEASES : this.leases.filter((other) => other !== lease);
    this.settings.keeper.forget(lease);
    return true;
  }

  /** Asks the store for the first who waits, or leaves its queue when nobody does. */
  private goOn(): void {
    const { first } = this.waiters;
    if (!first) {
      this.attempt?.leave();
      this.attempt = undefined;
      if (!this.isHeld) this.settings.emptied(this);
    } else if (!this.attempt && this.fits(first)) {
      this.attempt = this.settings.store.acquire(first, this);
    }
  }

  private fits({ mode }: Waiter): boolean {
    return (
      !this.isHeld ||
      compatible(
        mode,
        this.leases.map(({ grant }) => grant.mode),
      )
    );
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
    if (lease) return lease.holderFacts();
    const progress = this.attempt?.progress;
    return factsOf(progress && progress.state !== 'unanswered' ? progress.holders : []);
  }
}

function factsOf([first]: readonly HolderInfo[]): HolderFacts {
  if (!first) return NOBODY;
  const { holder, mode, sinceEpochMs, remainingMs } = first;
  return { holder, mode, sinceEpochMs, retryAfter: remainingMs };
}
