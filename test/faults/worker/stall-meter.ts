import { moment } from '../moment.js';

const STEP = 10;

/** How long this process has not run its event loop: stopped, blocked, or without a processor. */
export class StallMeter {
  private total = 0;
  private last = moment();

  constructor() {
    setInterval(() => {
      // One look at the clock: a stop between two would be lost.
      const now = moment();
      this.total += this.sinceLast(now);
      this.last = now;
    }, STEP).unref();
  }

  /** In ms since the beginning; the stall under way counts. */
  get stalled(): number {
    return this.total + this.sinceLast(moment());
  }

  private sinceLast(now: number): number {
    return Math.max(0, now - this.last - STEP);
  }
}
