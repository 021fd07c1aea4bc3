import { setImmediate } from 'node:timers';
import type { Clock, Instant, Timer } from '../clock.js';

interface Alarm {
  /** On the clock's own hand. */
  readonly at: number;
  readonly callback: () => void;
}

/** How often everything that is ready is let run before time goes on. */
const TURNS = 3;

/**
 * A clock that stands still until `advance` turns it: leases, waits and `maxHoldTime` go by it when it is a
 * store's. Fake timers of a test runner have nothing to do with it.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock();
 * const store = new TestingStore({ clock });
 * const locks = new LockService({ store });
 * store.busy('order:42');
 * const waiting = locks.acquire('order:42', { waitTime: 5_000 });
 * await Promise.all([expect(waiting).rejects.toThrow(LockBusyError), clock.advance(5_000)]); // takes no time
 * ```
 */
export class VirtualClock implements Clock {
  /** Ms since it was made. */
  private passed = 0;
  /** By the time of their making. */
  private alarms: Alarm[] = [];

  /** @param startEpochMs what it shows at first, in ms since the epoch. @default the time at which it is made */
  constructor(private readonly startEpochMs: number = Date.now()) {}

  now(): Instant {
    return { mono: this.mono(), wall: this.wall() };
  }

  mono(): number {
    return this.passed;
  }

  wall(): number {
    return this.startEpochMs + this.passed;
  }

  after(delay: number, callback: () => void): Timer {
    const alarm = { at: this.passed + Math.max(0, delay), callback };
    this.alarms.push(alarm);
    return {
      cancel: () => {
        this.alarms = this.alarms.filter((other) => other !== alarm);
      },
    };
  }

  /**
   * Lets `ms` pass, whatever falls due at its own moment, and resolves when all that follows from it has
   * run. `advance(0)` only lets it run.
   * @throws RangeError for what is no number of ms from 0
   */
  async advance(ms: number): Promise<void> {
    if (typeof ms !== 'number' || !(ms >= 0 && ms < Infinity)) {
      throw new RangeError(`ms must be a number from 0, received ${String(ms)}`);
    }
    const end = this.passed + ms;
    await settle();
    for (let next = this.nextDue(end); next; next = this.nextDue(end)) {
      this.passed = Math.max(this.passed, next.at);
      this.alarms = this.alarms.filter((other) => other !== next);
      next.callback();
      await settle();
    }
    this.passed = Math.max(this.passed, end);
    await settle();
  }

  /** The first that falls due by `end`; of those due together, the one that was set first. */
  private nextDue(end: number): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.alarms) {
      if (alarm.at <= end && (!next || alarm.at < next.at)) next = alarm;
    }
    return next;
  }
}

/** Lets everything that is ready run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}
