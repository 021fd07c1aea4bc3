import type { Clock, Instant, Timer } from '../../clock.js';
import type { Attempt, Contention, Grant, LeaseRequest } from '../lock-store.js';
import type { GrantNotice } from './grant-inbox.js';
import type { Answer, Entry } from './group-commit.js';
import { contentionOf, isPermanent, rideOf, type AcquireReply, type Ride } from './lock-reply.js';
import type { Operation } from './lock-script.js';
import type { ReleasedLease } from './release.js';

/** What an attempt needs of its store. */
export interface AttemptHost {
  readonly clock: Clock;
  /** Which connections an answer was had on: what came before an outage dates nothing after it. */
  readonly era: string;
  /** Set when the store is closed: no attempt may succeed any more. */
  readonly closed: Error | undefined;
  submit(attempt: RedisAttempt, operation: Operation): Entry;
  /** The attempt is in the line: it is to hear of grants. */
  standing(attempt: RedisAttempt): void;
  /** The attempt is over. */
  over(attempt: RedisAttempt): void;
  /** Who of this process stands first in the line of a key, and asks for all. */
  first(key: string): RedisAttempt | undefined;
  /** Gives back whatever the attempt may have in Redis. */
  giveBack(lease: ReleasedLease): void;
  /** A grant that came along with another's reply. */
  ride(ride: Ride, sent: Instant): void;
}

/** Who stands first asks again at this share of its lease, in ms at least and at most. */
const ASK_SHARE = 1 / 3;
const ASK_LEAST = 500;
const ASK_MOST = 2_500;
/** Questions fall on multiples of this, so that those of neighbours travel together. */
const ASK_GRAIN = 250;
/** When a holder's lease has passed the first in line asks, then the next, this much later, in ms. */
const ASK_STAGGER = 25;
/** After an error a question is put again after this, in ms. */
const RETRY_AFTER = 100;

/** One acquisition on its way: asked, standing in line, granted, or gone. */
export class RedisAttempt implements Attempt, Answer {
  readonly granted: Promise<Grant | null>;

  private resolve!: (grant: Grant | null) => void;
  private reject!: (error: Error) => void;
  private over = false;
  /** The token, once it was granted. */
  private won: number | undefined;
  private stood = false;
  /** Whether Redis may know of this attempt. */
  private known = false;
  private entry: Entry | undefined;
  /** Whether there was reason to ask anew while a question was under way. */
  private again = false;
  private timer: Timer | undefined;
  /** The holder, as the last answer had it. */
  private seen: Contention | undefined;
  /** The end of the holder's lease as of then, on the monotonic clock, and the place in line. */
  private heldUntil = Infinity;
  private place = 0;
  /** When the last answer was asked for, and the server's time in µs in it: they date a grant. */
  private heard: { readonly sent: Instant; readonly now: number; readonly era: string } | undefined;
  private notice: GrantNotice | undefined;

  constructor(
    readonly request: LeaseRequest,
    readonly owner: string,
    private readonly host: AttemptHost,
  ) {
    this.granted = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    if (host.closed) this.refuse(host.closed);
    else this.ask();
  }

  get contention(): Contention | undefined {
    const asker = this.stood && !this.over ? this.host.first(this.request.key) : undefined;
    return (asker ?? this).seen;
  }

  /** Puts the question, or puts it again: the place in line and the answer stay the same. */
  ask(): void {
    if (this.over) return;
    // What is on its way does not say yet what there is to say now.
    this.again = this.asking;
    if (this.asking) return;
    this.timer?.cancel();
    this.entry = this.host.submit(this, this.operation);
  }

  leave(): void {
    if (this.over) {
      // Granted, and nobody has looked at it: between the two, other callers run.
      if (this.won !== undefined) this.giveBack(this.won);
      this.won = undefined;
      return;
    }
    if (this.entry?.stage === 'queued') this.entry.stage = 'dropped';
    const known = this.known || this.entry?.stage === 'sent';
    this.end();
    if (known) this.giveBack();
  }

  /** The connection is gone: what was heard of the holder is old. */
  disconnected(): void {
    this.seen = undefined;
  }

  /** The one before, who asked for both, is gone: what it knew is known here. */
  lead(before: RedisAttempt): void {
    this.seen = before.seen;
    this.heldUntil = before.heldUntil;
    this.heard = before.heard;
    this.askLater();
  }

  /** A message says that the lock is ours. */
  told(notice: GrantNotice): void {
    if (this.over) return;
    const { heard } = this;
    if (!heard || heard.era !== this.host.era || notice.now < heard.now) {
      // Not to be dated by what was heard: ask. The answer to a question that is under way already
      // may come from before the grant.
      if (this.asking) this.notice = notice;
      else this.ask();
      return;
    }
    const { sent, now } = heard;
    // The server's clock says how long after its answer it granted; the answer came after `sent`.
    const later = (notice.now - now) / 1000;
    const latest = this.host.clock.now();
    this.win(notice.token, notice.claim, {
      mono: Math.min(latest.mono, sent.mono + later),
      wall: Math.min(latest.wall, sent.wall + later),
    });
  }

  /** The lock is ours, by a reply to a command that was sent at `from`. */
  win(token: number, leaseTime: number, from: Instant): void {
    if (this.over) return;
    this.end();
    if (this.host.closed) {
      this.giveBack(token);
      this.reject(this.host.closed);
      return;
    }
    this.won = token;
    const { key } = this.request;
    this.resolve({ key, owner: this.owner, token, from, leaseTime });
  }

  /** The store closes: whoever still waits is told so, and leaves nothing. */
  dismiss(error: Error): void {
    if (this.over) return;
    const { known } = this;
    this.refuse(error);
    if (known) this.giveBack();
  }

  /** There will be no answer. */
  refuse(error: Error): void {
    if (this.over) return;
    this.end();
    this.reject(error);
  }

  settle(reply: unknown, sent: Instant): void {
    this.entry = undefined;
    this.known = true;
    const answer = reply as AcquireReply;
    if (!Array.isArray(answer)) {
      // Its leave may have overtaken it, when Redis had to be told the script again.
      if (this.over && this.won === undefined) this.giveBack(Number(answer));
      this.win(Number(answer), this.request.leaseTime, sent);
      return;
    }
    const [held, remaining, place, now] = answer;
    const ride = rideOf(answer[4]);
    if (ride) this.host.ride(ride, sent);
    if (this.over) return;
    if (this.host.closed) {
      this.dismiss(this.host.closed);
      return;
    }
    this.seen = contentionOf(held, Number(remaining));
    if (!this.request.wait) {
      this.end();
      this.resolve(null);
      return;
    }
    this.heard = { sent, now: Number(now), era: this.host.era };
    this.place = Number(place);
    const left = Number(remaining);
    this.heldUntil = left < 0 ? Infinity : this.host.clock.mono() + left + 1;
    this.stand();
    if (this.again) this.ask();
    else this.askLater();
    const { notice } = this;
    this.notice = undefined;
    if (notice) this.told(notice);
  }

  fail(error: Error, final: boolean): void {
    this.seen = undefined;
    if (!final) return;
    this.entry = undefined;
    this.known = true;
    if (this.over) return;
    if (!this.request.wait || isPermanent(error) || this.host.closed) {
      this.refuse(this.host.closed ?? error);
      this.giveBack();
    } else {
      this.askAt(this.host.clock.mono() + RETRY_AFTER * (1 + Math.random()));
    }
  }

  private get operation(): Operation {
    if (!this.request.wait) return 'try';
    return this.known ? 'query' : 'acquire';
  }

  private get asking(): boolean {
    return this.entry !== undefined;
  }

  private stand(): void {
    if (this.stood) return;
    this.stood = true;
    this.host.standing(this);
    this.request.waiting?.();
  }

  /** Nothing depends on a message arriving: when the lease has passed, or after a while, ask. */
  private askLater(): void {
    // A question under way goes on by itself; who stands behind another has nothing to ask.
    if (this.asking || this.host.first(this.request.key) !== this) return;
    const now = this.host.clock.mono();
    const pause = Math.min(ASK_MOST, Math.max(ASK_LEAST, this.request.leaseTime * ASK_SHARE));
    const slow = now + pause * (0.75 + Math.random() / 4);
    const slowly = Math.ceil(slow / ASK_GRAIN) * ASK_GRAIN;
    const { heldUntil } = this;
    const atExpiry = heldUntil > now ? heldUntil + this.place * ASK_STAGGER : Infinity;
    this.askAt(Math.min(slowly, atExpiry));
  }

  private askAt(at: number): void {
    this.timer?.cancel();
    const { clock } = this.host;
    this.timer = clock.after(Math.max(1, Math.ceil(at - clock.mono())), () => this.ask());
  }

  private giveBack(token = 0): void {
    const { key, leaseTime } = this.request;
    this.host.giveBack({ key, leaseTime, owner: this.owner, token });
  }

  private end(): void {
    this.over = true;
    this.timer?.cancel();
    this.host.over(this);
  }
}
