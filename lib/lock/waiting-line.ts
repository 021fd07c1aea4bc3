import type { Clock, Timer } from '../clock.js';
import type { Waiter } from './waiter.js';

/** Whose waiters stand in a line. */
export interface WaitingLineOwner {
  /** Asked at a waiter's deadline: a later one, or `undefined` when it has waited long enough. */
  prolong(waiter: Waiter, now: number): number | undefined;
  /** Called with those who have waited long enough; they are out of the line by then. */
  expired(late: readonly Waiter[], now: number): void;
}

/**
 * Waiters in order of arrival, each with a deadline. One timer for all: it is set for the earliest
 * deadline and moves on when it fires, so that passing a lock along touches no timer at all.
 */
export class WaitingLine {
  head: Waiter | undefined;
  private tail: Waiter | undefined;
  private timer: Timer | undefined;
  private timerAt = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly owner: WaitingLineOwner,
  ) {}

  push(waiter: Waiter): void {
    waiter.previous = this.tail;
    if (this.tail) this.tail.next = waiter;
    else this.head = waiter;
    this.tail = waiter;
    if (waiter.deadline < this.timerAt) this.arm(waiter.deadline);
  }

  shift(): Waiter | undefined {
    const { head } = this;
    if (head) this.remove(head);
    return head;
  }

  remove(waiter: Waiter): void {
    const { next, previous } = waiter;
    if (next) next.previous = previous;
    else this.tail = previous;
    if (previous) previous.next = next;
    else this.head = next;
    waiter.next = waiter.previous = undefined;
    if (!this.head) this.disarm();
  }

  *[Symbol.iterator](): Generator<Waiter> {
    for (let waiter = this.head; waiter;) {
      const { next } = waiter;
      yield waiter;
      waiter = next;
    }
  }

  private arm(at: number): void {
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = this.clock.after(Math.max(0, Math.ceil(at - this.clock.mono())), () => {
      this.timerAt = Infinity;
      this.sweep();
    });
  }

  private disarm(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.timerAt = Infinity;
  }

  private sweep(): void {
    const now = this.clock.mono();
    const late: Waiter[] = [];
    let next = Infinity;
    for (const waiter of this) {
      if (waiter.deadline <= now) {
        const later = this.owner.prolong(waiter, now);
        if (later === undefined) {
          late.push(waiter);
          continue;
        }
        waiter.deadline = later;
      }
      if (waiter.deadline < next) next = waiter.deadline;
    }
    for (const waiter of late) {
      this.remove(waiter);
      // What one of them hears may call off another, which is in no line any more.
      waiter.line = undefined;
    }
    if (next < this.timerAt) this.arm(next);
    if (late.length > 0) this.owner.expired(late, now);
  }
}
