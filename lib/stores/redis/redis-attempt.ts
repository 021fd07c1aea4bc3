import { inspect } from 'node:util';
import type { Instant, Timer } from '../../clock.js';
import {
  type Attempt,
  type AttemptListener,
  type LeaseRequest,
  type Progress,
  type Silence,
} from '../lock-store.js';
import type { AttemptHost } from './attempt-host.js';
import { noAnswer } from './protocol/reply-errors.js';
import {
  acquireAnswer,
  isLeftFree,
  type GrantNotice,
  type TakenAnswer,
} from './protocol/lock-reply.js';
import { questionTime } from './question-time.js';
import { RedisGrant } from './redis-grant.js';
import { isUnderWay, type Answer, type Entry } from './transport/entry.js';

/** An answer that said who holds the key, and on which connection it came. */
interface Heard {
  readonly answer: TakenAnswer;
  readonly sent: Instant;
  readonly epoch: string;
  /** The end of the holder's lease as of then, on the monotonic clock. */
  readonly heldUntil: number;
}

const UNANSWERED: Progress = { state: 'unanswered' };
/**
 * How long a leave is tried again at least, in ms: as long as others wait, a place in the queue
 * outlives a short lease.
 */
const LEAST_LEAVING = 5_000;
/** After an error a question is put again after this, in ms. */
const RETRY_AFTER = 100;

/**
 * One acquisition on its way.
 * - `asked`: Redis has not said anything yet
 * - `queued`: it waits there
 * - `over`: granted, refused, failed or left; nothing is told any more
 */
export class RedisAttempt implements Attempt, Answer {
  state: 'asked' | 'queued' | 'over' = 'asked';
  /** The last question. */
  private entry: Entry | undefined;
  /** Whether there was reason to ask anew while a question was under way. */
  private askAgain = false;
  private timer: Timer | undefined;
  private heard: Heard | undefined;
  /** A grant that was told while a question was under way: its answer decides. */
  private notice: GrantNotice | undefined;

  constructor(
    readonly request: LeaseRequest,
    /** What follows the process in the owner's id. */
    readonly id: string,
    private readonly host: AttemptHost,
    private readonly listener: AttemptListener,
  ) {}

  get progress(): Progress {
    const heard = this.leader.heard;
    if (!heard) return UNANSWERED;
    return { state: this.request.wait ? 'queued' : 'refused', holders: heard.answer.holders };
  }

  get silence(): Silence | undefined {
    return this.host.silence(this.request.key);
  }

  /** Its place in the queue, to be named when asking again; '0' before it has one. */
  get arrival(): string {
    return this.heard?.answer.arrival ?? '0';
  }

  /** Puts the question, or puts it again: the place in the queue and the answer stay the same. */
  ask(): void {
    if (this.state === 'over') return;
    // What is on its way does not say yet what there is to say now.
    this.askAgain = this.isAsking;
    if (this.isAsking) return;
    this.timer?.cancel();
    this.entry = this.host.ask(this);
  }

  leave(): void {
    if (this.state === 'over') return;
    const { entry } = this;
    const isKnown = this.state === 'queued' || entry?.stage !== 'queued';
    if (entry?.stage === 'queued') entry.stage = 'dropped';
    this.end();
    if (isKnown) this.host.leave(this, entry, this.matters);
  }

  /** The one before, who asked for both, is gone: what it knew is known here. */
  lead(before: RedisAttempt): void {
    const { heard } = before;
    if (heard && this.heard)
      this.heard = { ...heard, answer: { ...heard.answer, arrival: this.arrival } };
    // What came between has let it lose its place.
    if (this.host.others.isKnown(this.request.key)) this.ask();
    else this.askLater();
  }

  /** A message says that the lock is ours, or that nobody's place in the queue is left. */
  told(notice: GrantNotice): void {
    if (this.state === 'over') return;
    if (isLeftFree(notice)) {
      if (this.leader === this) this.ask();
      return;
    }
    const { heard } = this;
    if (this.isAsking) {
      this.notice = notice;
      return;
    }
    const isDated =
      heard?.epoch === this.host.connectionEpoch && notice.nowUs >= heard.answer.nowUs;
    if (!isDated) {
      this.ask();
      return;
    }
    const { sent, answer } = heard;
    // The server's clock says how long after its answer it granted; the answer came after `sent`.
    const later = (notice.nowUs - answer.nowUs) / 1_000;
    const latest = this.host.clock.now();
    this.win(notice.token, notice.claimMs, {
      mono: Math.min(latest.mono, sent.mono + later),
      wall: Math.min(latest.wall, sent.wall + later),
    });
  }

  /** The lock is ours, by a reply to a command that was sent at `from`. */
  win(token: number, leaseTime: number, from: Instant): void {
    if (this.state === 'over') return;
    const { process } = this.host;
    const question = this.isAsking ? this.entry : undefined;
    this.end();
    const { key, mode } = this.request;
    this.listener.granted(
      new RedisGrant(key, mode, process, this.id, token, from, leaseTime, question),
    );
  }

  settle(reply: unknown, sent: Instant): void {
    const answer = acquireAnswer(reply);
    if (typeof answer === 'number') {
      this.host.observe(answer);
      this.win(answer, this.request.leaseTime, sent);
      return;
    }
    this.host.observe(answer.nowUs);
    for (const grant of answer.piggybacked) this.host.piggybacked(grant, sent);
    if (this.state === 'over') return;
    const { clock, connectionEpoch: epoch, others } = this.host;
    const { key } = this.request;
    const ends = clock.mono() + answer.remainingMs + 1;
    if (answer.theirs) others.met(key, answer.theirs, answer.nowUs / 1_000 + answer.remainingMs);
    this.heard = { answer, sent, epoch, heldUntil: answer.isLeft ? others.leftUntil(key) : ends };
    if (!this.request.wait) {
      this.end();
      this.listener.refused(answer.holders);
      return;
    }
    if (this.state === 'asked') {
      this.state = 'queued';
      this.host.queued(this);
    }
    const { notice } = this;
    this.notice = undefined;
    if (notice) this.told(notice);
    else if (this.askAgain) this.ask();
    else this.askLater();
  }

  refused(error: Error): void {
    this.fail(error);
  }

  unanswered(error: Error, final: boolean): void {
    if (!final || this.state === 'over') return;
    if (this.request.wait && !this.host.isClosed) {
      const { clock } = this.host;
      this.askAt(clock.mono() + RETRY_AFTER * (1 + Math.random()));
    } else {
      this.fail(noAnswer(error));
    }
  }

  /** Ends it with an error; Redis may know of it all the same. */
  fail(error: Error): void {
    if (this.state === 'over') return;
    const { entry } = this;
    this.end();
    // Refused before it had a place, it has nothing there: once said is enough.
    this.host.leave(this, entry, this.arrival === '0' ? 0 : this.matters);
    this.listener.failed(error);
  }

  /** In a log it shows no secret. */
  [inspect.custom](): object {
    const { state, request } = this;
    return { state, request };
  }

  /** For how long what it may have left in Redis can stand in the way of others, in ms. */
  private get matters(): number {
    return Math.max(this.request.leaseTime, LEAST_LEAVING);
  }

  private get isAsking(): boolean {
    return this.entry !== undefined && isUnderWay(this.entry);
  }

  /** Who asks for all of this process that wait for the key, and knows most. */
  private get leader(): RedisAttempt {
    return (this.state === 'queued' ? this.host.first(this.request.key) : undefined) ?? this;
  }

  /** Nothing depends on a message arriving: when the lease has passed, or after a while, ask. */
  private askLater(): void {
    const { heard } = this;
    // A question under way goes on by itself; who waits behind another has nothing to ask.
    if (!heard || this.isAsking || this.leader !== this) return;
    const { place, theirs, isLeft } = heard.answer;
    const { clock, others, isHeard } = this.host;
    const { key, leaseTime } = this.request;
    const isTheirs = theirs !== undefined || isLeft;
    this.askAt(
      questionTime({
        now: clock.mono(),
        leaseTime,
        heldUntil: heard.heldUntil,
        place,
        // A lock of another library has no queue, and messages that do not arrive are as good as none.
        isOnItsOwn: isTheirs || !isHeard,
        standing: isTheirs ? others.standing(key) : Infinity,
      }),
    );
  }

  private askAt(at: number): void {
    this.timer?.cancel();
    const { clock } = this.host;
    this.timer = clock.after(Math.max(1, Math.ceil(at - clock.mono())), () => this.ask(), true);
  }

  private end(): void {
    this.state = 'over';
    this.timer?.cancel();
    this.host.over(this);
  }
}
