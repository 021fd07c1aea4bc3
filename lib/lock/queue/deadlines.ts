import type { Clock, Timer } from '../../clock.js';
import { outside } from '../../outside.js';
import type { Waiter } from './waiter.js';

/** A timer that comes later than this, in ms, was held up together with everything else. */
const STALL = 25;
/** What a timer can be set for, in ms. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * All who wait in a service, and the one timer that looks at them. It is set for the earliest moment
 * at which somebody is to be looked at and is not moved when that one is served: most are served long
 * before, and a lock then costs no timer at all.
 */
export class Deadlines {
  /** How often it has looked: what was found out in an earlier look may not be true any more. */
  looks = 0;
  private first: Waiter | undefined;
  private timer: Timer | undefined;
  private timerAt = Infinity;
  /** Whether a turn has passed since the timer fired. */
  private hasRead = false;

  constructor(private readonly clock: Clock) {}

  now(): number {
    return this.clock.mono();
  }

  add(waiter: Waiter): void {
    waiter.nextWaiting = this.first;
    if (this.first) this.first.previousWaiting = waiter;
    this.first = waiter;
    if (waiter.checkAt < this.timerAt) this.arm(waiter.checkAt);
  }

  remove(waiter: Waiter): void {
    const { nextWaiting, previousWaiting } = waiter;
    if (nextWaiting) nextWaiting.previousWaiting = previousWaiting;
    if (previousWaiting) previousWaiting.nextWaiting = nextWaiting;
    else this.first = nextWaiting;
    waiter.nextWaiting = waiter.previousWaiting = undefined;
  }

  /** All who wait now; what is done to one may remove it. */
  waiters(): Waiter[] {
    const all: Waiter[] = [];
    for (let waiter = this.first; waiter; waiter = waiter.nextWaiting) all.push(waiter);
    // The newest is the first in the list; the oldest is to be served first.
    return all.reverse();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.timerAt = Infinity;
  }

  private arm(at: number): void {
    this.timer?.cancel();
    this.timerAt = at;
    const delay = Math.min(Math.max(0, Math.ceil(at - this.clock.mono())), LONGEST_DELAY);
    this.timer = outside(() => this.clock.after(delay, () => this.look(), true));
  }

  /** Looks only after another turn of the event loop: by then what had arrived has been read. */
  private look(): void {
    const now = this.clock.mono();
    const late = now - this.timerAt;
    this.timerAt = Infinity;
    this.hasRead = this.first !== undefined && !this.hasRead;
    // Held up for long, this process could not even be told.
    if (this.hasRead) this.arm(late > STALL ? now + STALL : now);
    else this.check(now);
  }

  private check(now: number): void {
    this.looks += 1;
    let next = Infinity;
    for (const waiter of this.waiters()) {
      const { home } = waiter;
      // What another one was told may have settled it.
      if (!home) continue;
      if (waiter.checkAt <= now) {
        const again = home.check(waiter, now);
        if (again === undefined) continue;
        waiter.checkAt = again;
      }
      if (waiter.checkAt < next) next = waiter.checkAt;
    }
    if (next < this.timerAt) this.arm(next);
  }
}
