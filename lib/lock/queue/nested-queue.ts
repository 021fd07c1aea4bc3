import type { Clock, Timer } from '../../clock.js';
import type { LockStore } from '../../stores/lock-store.js';
import type { Lease } from '../lease/lease.js';
import { Lock, type LockSource, type NestedHolds } from '../lock.js';
import { LockLostError } from '../lock.errors.js';
import { outside } from '../../outside.js';
import { Release } from '../release.js';
import { describeRing, type DeadlockFinder } from './deadlock.js';
import { WaiterQueue } from './waiter-queue.js';
import type { Waiter, WaiterHome } from './waiter.js';

/**
 * What is taken again inside a held lock: one nested holder at a time, so that siblings exclude each
 * other as they would without the lock around them. All hold through the outer lock's lease.
 */
export class NestedQueue implements LockSource, NestedHolds, WaiterHome {
  whenIdle: () => void = () => undefined;
  private readonly waiters = new WaiterQueue();
  private readonly lease: Lease;
  private holder: Lock | undefined;
  /** Ends the holder's `maxHoldTime`. */
  private timer: Timer | undefined;

  /** The queue inside a lock, made for the first who asks for its key again. */
  static inside(lock: Lock, clock: Clock, deadlocks: DeadlockFinder): NestedQueue {
    if (lock.nested instanceof NestedQueue) return lock.nested;
    return (lock.nested = new NestedQueue(lock, clock, deadlocks));
  }

  private constructor(
    private readonly outer: Lock,
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
    return this.holder !== undefined || this.waiters.size > 0;
  }

  holders(): Lock[] {
    return this.holder ? [this.holder] : [];
  }

  enter(waiter: Waiter): void {
    const { lost } = this.outer;
    if (lost) {
      waiter.fail(lost, waiter.since);
    } else if (!this.holder) {
      this.give(waiter);
    } else if (!waiter.wait) {
      waiter.busy(this.lease.holderFacts(), waiter.since);
    } else {
      this.waiters.push(waiter);
      waiter.waitsIn(this, this.nextLook(waiter, waiter.since));
    }
  }

  left(waiter: Waiter): void {
    this.waiters.remove(waiter);
  }

  check(waiter: Waiter, now: number): number | undefined {
    const isOver = now >= waiter.deadline;
    const ring = isOver ? this.deadlocks.find(waiter) : this.deadlocks.findLasting(waiter, now);
    if (!isOver && !ring) return this.nextLook(waiter, now);
    this.waiters.remove(waiter);
    const reason = ring ? 'deadlock' : 'held';
    waiter.busy(this.lease.holderFacts(), now, reason, ring && describeRing(ring));
    return undefined;
  }

  end(lock: Lock): Promise<boolean> {
    const isHeld = this.lease.checkExpiry();
    if (lock === this.holder) this.goOn();
    return isHeld && !lock.lost ? Release.done : Release.lost;
  }

  extend(lease: Lease, leaseTime: number): Promise<void> {
    return this.outer.source.extend(lease, leaseTime);
  }

  private nextLook(waiter: Waiter, now: number): number {
    return Math.min(waiter.deadline, now + this.deadlocks.patience);
  }

  private give(waiter: Waiter): void {
    const now = this.clock.mono();
    const lock = new Lock(this.lease, this, now);
    this.holder = lock;
    const { maxHoldTime } = waiter.settings;
    if (maxHoldTime < Infinity) {
      this.timer = outside(() => this.clock.after(maxHoldTime, () => this.endHold(lock), true));
    }
    waiter.granted(lock, now);
  }

  /** A handle that was forgotten must not keep the others of this key out for ever. */
  private endHold(lock: Lock): void {
    if (lock !== this.holder) return;
    lock.lose(new LockLostError(lock.key, lock.token, 'maxHoldTime has passed'));
    this.goOn();
  }

  private goOn(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.holder = undefined;
    const next = this.waiters.shift();
    if (next) this.give(next);
    else this.whenIdle();
  }

  private rejectAll(error: Error): void {
    const now = this.clock.mono();
    for (let next = this.waiters.shift(); next; next = this.waiters.shift()) next.fail(error, now);
  }
}
