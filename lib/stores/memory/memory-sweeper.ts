import type { Clock, Timer } from '../../clock.js';
import { outside } from '../../outside.js';

/** At most this often, in ms. */
const INTERVAL = 1_000;
/** What setTimeout can take, in ms. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Has the leases forgotten that ended with nobody waiting. A timer for each lease would be most of
 * the price of an acquisition, so one looks through them all, and lapses when there are none.
 */
export class MemorySweeper {
  private timer: Timer | undefined;

  /** @param sweep forgets, and returns in how many ms the next lease ends; undefined when none is left */
  constructor(
    private readonly clock: Clock,
    private readonly sweep: () => number | undefined,
  ) {}

  /** There is a lease again, which ends in `delay` ms. */
  wake(delay: number): void {
    if (this.timer) return;
    const wait = Math.min(Math.max(delay, INTERVAL), LONGEST_DELAY);
    this.timer = outside(() => this.clock.after(wait, () => this.look(), true));
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private look(): void {
    this.timer = undefined;
    const next = this.sweep();
    if (next !== undefined) this.wake(next);
  }
}
