import type { Clock, Timer } from '../../clock.js';
import { compatible, describeMode, type LockMode } from '../../stores/lock-mode.js';
import type { LockStore } from '../../stores/lock-store.js';
import type { Lease } from '../lease/lease.js';
import { Lock } from '../lock.js';
import type { LockSource, NestedHolds } from '../lock-source.js';
import { LockLostError, LockUsageError, quoted } from '../lock.errors.js';
import { outside } from '../../outside.js';
import { Release } from '../release.js';
import { describeRing, type DeadlockFinder } from './deadlock.js';
import { WaiterQueue } from './waiter-queue.js';
import type { Waiter, WaiterHome } from './waiter.js';

/**
 * What is taken again inside a held lock: siblings exclude each other as they would without the lock
 * around them. All hold through the outer lock's lease.
 */
export class NestedQueue implements LockSource, NestedHolds, WaiterHome {
  whenIdle: () => void = () => undefined;
  private readonly waiters = new WaiterQueue();
  private readonly lease: Lease;
  /** Who holds, and what ends its `maxHoldTime`. */
  private readonly inside = new Map<Lock, Timer | undefined>();

  /** The queue inside a lock, made for the first who asks for its key again. */
  static inside(lock: Lock, clock: Clock, deadlocks: DeadlockFinder): NestedQueue {
    if (lock.nested instanceof NestedQueue) return lock.nested;
    return (lock.nested = new NestedQueue(lock, clock, deadlocks));
  }

  private constructor(
    readonly outer: Lock,
    private readonly clock: Clock,
    private readonly deadlocks: DeadlockFinder,
  ) {
    this.lease = outer.lease;
    this.lease.onLost((error) => this.rejectAll(error));
  }

  get store(): LockStore {
    return this.outer.store;
  }

  get isBusy(): boolean {
    return this.inside.size > 0 || this.waiters.size > 0;
  }

  holders(): Lock[] {
    return [...this.inside.keys()];
  }

  /**
   * The part of a lock that its taker works with, when the lock itself is kept for longer. Made before
   * anybody else is let in.
   */
  begin(): Lock {
    const lock = new Lock(this.lease, this, this.clock.mono(), this.outer.mode);
    lock.isPart = true;
    this.inside.set(lock, undefined);
    return lock;
  }

  enter(waiter: Waiter): void {
    const { lost } = this.outer;
    if (lost) {
      waiter.fail(lost, waiter.since);
    } else if (this.waiters.size === 0 && this.fits(waiter)) {
      this.give(waiter);
    } else if (!waiter.wait) {
      waiter.busy(this.lease.holderFacts(this.lease.heldMs), waiter.since);
    } else {
      this.waiters.push(waiter);
      waiter.waitsIn(this, this.nextLook(waiter, waiter.since));
    }
  }

  left(waiter: Waiter): void {
    this.waiters.remove(waiter);
    this.goOn();
  }

  check(waiter: Waiter, now: number): number | undefined {
    const isOver = now >= waiter.deadline;
    const ring = isOver ? this.deadlocks.find(waiter) : this.deadlocks.findLasting(waiter, now);
    if (!isOver && !ring) return this.nextLook(waiter, now);
    this.waiters.remove(waiter);
    this.goOn();
    const reason = ring ? 'deadlock' : 'held';
    waiter.busy(this.lease.holderFacts(this.lease.heldMs), now, reason, ring && describeRing(ring));
    return undefined;
  }

  end(lock: Lock): Promise<boolean> {
    const isHeld = this.lease.checkExpiry();
    this.leave(lock);
    return isHeld && !lock.lost ? Release.done : Release.lost;
  }

  extend(lease: Lease, leaseTime: number): Promise<void> {
    return this.outer.source.extend(lease, leaseTime);
  }

  downgrade(lock: Lock): Promise<void> {
    return refuseChange(lock, `downgraded from ${describeMode(lock.mode)}`);
  }

  detach(lock: Lock): Promise<void> {
    return refuseChange(lock, 'handed off');
  }

  private nextLook(waiter: Waiter, now: number): number {
    return Math.min(waiter.deadline, now + this.deadlocks.patience);
  }

  private give(waiter: Waiter): void {
    const now = this.clock.mono();
    const lock = new Lock(this.lease, this, now, waiter.mode);
    const { maxHoldTime, minHoldTime } = waiter.settings;
    const timer =
      maxHoldTime < Infinity
        ? outside(() => this.clock.after(maxHoldTime, () => this.endHold(lock), true))
        : undefined;
    this.inside.set(lock, timer);
    // The lease is kept as long as any of those asks who held through it.
    this.lease.keepFor(minHoldTime, now);
    waiter.granted(lock, now);
  }

  /** A handle that was forgotten must not keep the others of this key out for ever. */
  private endHold(lock: Lock): void {
    lock.lose(new LockLostError(lock.key, lock.token, 'maxHoldTime has passed'));
    this.leave(lock);
  }

  private leave(lock: Lock): void {
    if (!this.inside.has(lock)) return;
    this.inside.get(lock)?.cancel();
    this.inside.delete(lock);
    this.goOn();
  }

  private goOn(): void {
    for (let next = this.waiters.first; next && this.fits(next); next = this.waiters.first) {
      this.waiters.shift();
      this.give(next);
    }
    if (!this.isBusy) this.whenIdle();
  }

  /** Permits taken inside permits are parts of those: there are no more of them. */
  private fits({ mode }: Waiter): boolean {
    const { mode: outer } = this.outer;
    const most = outer.kind === 'limited' ? outer.permits : undefined;
    const within = (one: LockMode): LockMode =>
      one.kind === 'limited' && most !== undefined ? { ...one, limit: most } : one;
    return compatible(
      within(mode),
      this.holders().map((lock) => within(lock.mode)),
    );
  }

  private rejectAll(error: Error): void {
    const now = this.clock.mono();
    for (let next = this.waiters.shift(); next; next = this.waiters.shift()) next.fail(error, now);
  }
}

function refuseChange({ key, isPart }: Lock, change: string): never {
  throw new LockUsageError(
    isPart
      ? `${quoted(key)} is kept until its transaction has ended, and cannot be ${change}: take it with until: 'method'`
      : `${quoted(key)} was taken inside another lock on it: only that one can be ${change}`,
    key,
  );
}
