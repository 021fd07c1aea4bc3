import type { Clock } from '../clock.js';
import { holderOf } from '../stores/owner.js';
import { Lock, type LockSource, type NestedHolds } from './lock.js';
import type { Tenure } from './tenure.js';
import type { Waiter, WaiterLine } from './waiter.js';
import { WaitingLine, type WaitingLineOwner } from './waiting-line.js';

/**
 * What is taken again inside a held lock: one nested hold at a time, so that siblings exclude each
 * other as they would without the lock around them. All stand on the outer lock's tenure.
 */
export class NestedLine implements LockSource, NestedHolds, WaiterLine, WaitingLineOwner {
  whenIdle: () => void = () => undefined;
  private readonly waiting: WaitingLine;
  private holder: Lock | undefined;

  /** The line inside a lock, made for the first who asks for its key again. */
  static inside(lock: Lock, clock: Clock): NestedLine {
    if (lock.nested instanceof NestedLine) return lock.nested;
    return (lock.nested = new NestedLine(lock.tenure, lock.source, clock));
  }

  private constructor(
    private readonly tenure: Tenure,
    private readonly outer: LockSource,
    private readonly clock: Clock,
  ) {
    this.waiting = new WaitingLine(clock, this);
    tenure.onLost((error) => this.refuseAll(error));
  }

  get busy(): boolean {
    return this.holder !== undefined || this.waiting.head !== undefined;
  }

  enter(waiter: Waiter): void {
    const now = this.clock.mono();
    const { lost } = this.tenure;
    if (lost) {
      waiter.refuse(lost, now);
    } else if (!this.holder) {
      this.give(waiter);
    } else if (waiter.request.waitTime === 0) {
      this.expired([waiter], now);
    } else {
      waiter.line = this;
      this.waiting.push(waiter);
      waiter.stand();
    }
  }

  turnAway(waiter: Waiter, error: Error): void {
    this.waiting.remove(waiter);
    waiter.refuse(error, this.clock.mono());
  }

  end(): boolean {
    const { lost } = this.tenure;
    this.holder = undefined;
    const next = this.waiting.shift();
    if (next) this.give(next);
    else this.whenIdle();
    return !lost;
  }

  extend(tenure: Tenure, leaseTime: number): Promise<void> {
    return this.outer.extend(tenure, leaseTime);
  }

  private give(waiter: Waiter): void {
    const now = this.clock.mono();
    this.holder = new Lock(this.tenure, this, now);
    waiter.grant(this.holder, now);
  }

  private refuseAll(error: Error): void {
    for (let waiter = this.waiting.shift(); waiter; waiter = this.waiting.shift()) {
      waiter.refuse(error, this.clock.mono());
    }
  }

  prolong(waiter: Waiter, now: number): number | undefined {
    const until = waiter.since + waiter.request.waitTime;
    return until > now ? until : undefined;
  }

  expired(late: readonly Waiter[], now: number): void {
    const { tenure } = this;
    const since = this.clock.now().wall - tenure.held;
    const facts = { holder: holderOf(tenure.owner), since, retryAfter: tenure.remaining };
    for (const waiter of late) waiter.busy(facts, now);
  }
}
