import { moment } from '../moment.js';

const STEP = 10;

/** How long this process has not run its event loop: stopped, blocked, or without a processor. */
export class StallMeter {
  private total = 0;
  private last = moment();

  constructor() {
    setInterval(() => {
      this.total = this.stalled;
      this.last = moment();
    }, STEP).unref();
  }

  /** In ms since the beginning; the stall under way counts. */
  get stalled(): number {
    return this.total + Math.max(0, moment() - this.last - STEP);
  }
}
