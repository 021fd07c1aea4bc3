import type { Clock, Timer } from '../../../clock.js';
import { afterReading } from '../after-reading.js';
import type { Connection } from './connection.js';
import type { Entry } from './entry.js';
import type { Lane } from './lane.js';

/**
 * Tells those who wait behind a silent call, again and again, that Redis does not answer. One timer,
 * which is not set anew for every call: it fires now and then, and mostly finds nothing to tell.
 */
export class SilenceWatch {
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly connection: Connection,
    /** Ms after which a call counts as unanswered. */
    private readonly answerTimeout: number,
    private readonly lanes: () => readonly Lane[],
  ) {}

  /** Something was submitted. */
  start(): void {
    this.timer ??= this.after(this.answerTimeout);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private after(delay: number): Timer {
    return afterReading(this.clock, delay, () => this.look());
  }

  private look(): void {
    const now = this.clock.mono();
    let next = Infinity;
    for (const lane of this.lanes()) next = Math.min(next, this.lookAt(lane, now));
    this.timer = next < Infinity ? this.after(Math.ceil(Math.max(1, next - now))) : undefined;
  }

  /** @returns when to look again, on the monotonic clock */
  private lookAt(lane: Lane, now: number): number {
    const { answerTimeout, connection } = this;
    let next = Infinity;
    const oldest = lane.oldestSentAt;
    if (oldest !== undefined || lane.queue.length > 0) connection.check(now, oldest);
    for (const call of lane.calls) {
      if (call.silentAt <= now) {
        call.silentAt = now + answerTimeout;
        this.tell([...call.entries, ...lane.queue]);
      }
      next = Math.min(next, call.silentAt);
    }
    // Those who gave up are forgotten: an outage may last.
    lane.queue = lane.queue.filter(({ stage }) => stage !== 'dropped');
    if (lane.queue.length === 0) return next;
    if (!connection.isReady && now - connection.troubleSince >= answerTimeout) {
      this.tell([...lane.queue]);
    }
    return Math.min(next, now + answerTimeout);
  }

  private tell(entries: readonly Entry[]): void {
    const reason = `Redis has not answered for ${this.answerTimeout} ms`;
    const error = this.connection.trouble ?? new Error(reason);
    for (const { answer } of entries) answer.unanswered(error, false);
  }
}
