import type { Clock, Instant, Timer } from '../../lib/clock.js';

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * A clock whose hands the test turns. Timers go by the monotonic hand, as in Node; both hands move
 * together in `advance()`, and each alone in `stepMono()` and `stepWall()`.
 */
export class ManualClock implements Clock {
  private monoNow: number;
  private wallNow: number;
  private alarms: Alarm[] = [];
  private count = 0;

  constructor(start: Partial<Instant> = {}) {
    this.monoNow = start.mono ?? 1_000;
    this.wallNow = start.wall ?? Date.UTC(2026, 0, 1);
  }

  now(): Instant {
    return { mono: this.monoNow, wall: this.wallNow };
  }

  mono(): number {
    return this.monoNow;
  }

  wall(): number {
    return this.wallNow;
  }

  after(delay: number, callback: () => void): Timer {
    this.count += 1;
    const alarm = { at: this.monoNow + Math.max(0, delay), order: this.count, callback };
    this.alarms.push(alarm);
    return {
      cancel: () => {
        this.alarms = this.alarms.filter((other) => other !== alarm);
      },
    };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.alarms.length;
  }

  /** When the next timer falls due, on the monotonic hand; `Infinity` when none is set. */
  get nextAt(): number {
    return this.nextDue(Infinity)?.at ?? Infinity;
  }

  /** Lets time pass, and fires what falls due in order, each at its own moment. */
  advance(ms: number): void {
    const end = this.monoNow + ms;
    for (;;) {
      const next = this.nextDue(end);
      if (next === undefined) break;
      const passed = Math.max(0, next.at - this.monoNow);
      this.monoNow += passed;
      this.wallNow += passed;
      this.fire(next);
    }
    this.wallNow += end - this.monoNow;
    this.monoNow = end;
  }

  /** Like `advance()`, and lets promises settle after each timer and at the end. */
  async advanceAndSettle(ms: number): Promise<void> {
    const end = this.monoNow + ms;
    for (;;) {
      await settle();
      const next = this.nextDue(end);
      if (next === undefined) break;
      this.advance(Math.max(0, next.at - this.monoNow));
    }
    this.advance(end - this.monoNow);
    await settle();
  }

  /** Moves the wall clock alone, as an operator or NTP does; negative steps it back. */
  stepWall(ms: number): void {
    this.wallNow += ms;
  }

  /** Moves the monotonic clock alone, without firing anything: a blocked event loop. */
  stepMono(ms: number): void {
    this.monoNow += ms;
  }

  private nextDue(end: number): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.alarms) {
      if (alarm.at > end) continue;
      if (
        next === undefined ||
        alarm.at < next.at ||
        (alarm.at === next.at && alarm.order < next.order)
      ) {
        next = alarm;
      }
    }
    return next;
  }

  private fire(alarm: Alarm): void {
    this.alarms = this.alarms.filter((other) => other !== alarm);
    alarm.callback();
  }
}

/** Lets everything that is ready run: microtasks, and the macrotasks that they queue. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
