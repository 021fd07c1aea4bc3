import type { Clock, Instant } from '../../clock.js';
import { type ReleaseListener } from '../lock-store.js';
import { noAnswer } from './protocol/reply-errors.js';
import { releaseAnswer, type PiggybackedGrant } from './protocol/lock-reply.js';
import type { Answer, Entry } from './transport/entry.js';

/** What a release needs of its store. */
export interface ReleaseHost {
  readonly clock: Clock;
  readonly closed: Error | undefined;
  sendRelease(key: string, words: string, after: Entry | undefined, answer: Answer): Entry;
  /** More waiters are to be passed over before one is found that is there. */
  passOver(key: string): void;
  /** The lock went to a waiter of this process, and came along with the reply. */
  piggybacked(grant: PiggybackedGrant, sent: Instant): void;
}

/** After an error it is tried again after this, in ms. */
const AGAIN = 250;

/**
 * Gives a lock back, or leaves the queue, or passes on what was granted meanwhile: whatever Redis
 * knows of an owner. After an error it is tried again for as long as the lease can last, whoever has
 * stopped waiting for the answer.
 */
export class RedisRelease implements Answer {
  private entry: Entry | undefined;
  private isTold = false;
  /** Set with the first failure: from then on it is of no use, on the monotonic clock. */
  private until = 0;

  constructor(
    private readonly key: string,
    /** The operation, as the script reads it. */
    private readonly words: string,
    /** For how long it can matter, in ms. */
    private readonly leaseTime: number,
    private readonly after: Entry | undefined,
    private readonly host: ReleaseHost,
    private readonly listener: ReleaseListener | undefined,
  ) {}

  send(): void {
    this.entry = this.host.sendRelease(this.key, this.words, this.after, this);
  }

  settle(reply: unknown, sent: Instant, repeated: boolean): void {
    const { ours, unfinished, piggybacked } = releaseAnswer(reply);
    for (const grant of piggybacked) this.host.piggybacked(grant, sent);
    if (unfinished) this.host.passOver(this.key);
    if (this.isTold) return;
    this.isTold = true;
    // Sent twice, the second answer is "not yours": the first, which was lost, was not.
    this.listener?.released(ours || repeated || this.until > 0);
  }

  refused(error: Error): void {
    this.tell(error);
    this.again();
  }

  unanswered(error: Error, final: boolean): void {
    this.tell(noAnswer(error));
    if (final) this.again();
    // The lease has ended by itself: during an outage nothing is kept for ever.
    else if (this.isOver && this.entry?.stage === 'queued') this.entry.stage = 'dropped';
  }

  private get isOver(): boolean {
    const now = this.host.clock.mono();
    if (this.until === 0) this.until = now + this.leaseTime;
    return now >= this.until;
  }

  private tell(error: Error): void {
    if (this.isTold) return;
    this.isTold = true;
    this.listener?.failed(error);
  }

  private again(): void {
    if (this.isOver || this.host.closed) return;
    this.host.clock.after(AGAIN, () => this.send(), true);
  }
}
