import type { Clock } from '../clock.js';
import type { Attempt, Grant, LockStore } from '../stores/lock-store.js';
import { holderOf } from '../stores/owner.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { Lock, type LockSource } from './lock.js';
import { LockUnavailableError, type HolderFacts } from './lock.errors.js';
import { Tenure } from './tenure.js';
import type { Waiter, WaiterLine } from './waiter.js';
import { WaitingLine, type WaitingLineOwner } from './waiting-line.js';

/** How far a tenure may be passed along inside the process before it goes round through the store. */
export interface HandOverBound {
  /** Hand-overs a tenure; 0 turns them off. */
  readonly count: number;
  /** Ms since the tenure was granted. */
  readonly time: number;
}

/** What the lines of one service share. */
export interface LineDesk {
  readonly store: LockStore;
  readonly keeper: LeaseKeeper;
  readonly clock: Clock;
  /** How long the store may stay silent before a waiter is told so, in ms. */
  readonly unavailableAfter: number;
  /** Called when a line has neither holder nor waiters. */
  empty(line: LocalLine): void;
}

/** How many tokens may be handed out before their microsecond; the store knows what to do then. */
const TOKENS_AHEAD = 64;

/** How long the store has to answer a caller that waits for less than this, in ms. */
const LEAST_PATIENCE = 200;
/** A timer that comes later than this, in ms, was held up together with everything else. */
const STALL = 25;

/**
 * The waiters of one key in this process. One of them stands for all in the store's line; when the
 * lock comes it passes along them, bounded, without another word to the store.
 */
export class LocalLine implements LockSource, WaiterLine, WaitingLineOwner {
  private readonly waiting: WaitingLine;
  private attempt: Attempt | undefined;
  private tenure: Tenure | undefined;

  constructor(
    readonly key: string,
    private readonly desk: LineDesk,
    private readonly bound: HandOverBound,
  ) {
    this.waiting = new WaitingLine(desk.clock, this);
  }

  enter(waiter: Waiter): void {
    if (waiter.request.waitTime === 0 && this.held) {
      waiter.busy(this.facts(undefined), this.desk.clock.mono());
      return;
    }
    waiter.line = this;
    waiter.deadline =
      waiter.since +
      Math.min(waiter.request.waitTime || LEAST_PATIENCE, this.desk.unavailableAfter);
    this.waiting.push(waiter);
    if (this.attempt ?? this.tenure) waiter.stand();
    else this.ask(waiter);
  }

  /** Whether somebody in this process has the key. */
  get held(): boolean {
    return this.tenure !== undefined;
  }

  turnAway(waiter: Waiter, error: Error): void {
    this.waiting.remove(waiter);
    waiter.refuse(error, this.desk.clock.mono());
    this.left();
  }

  /** Turns away everybody who waits. */
  dismiss(error: (key: string) => Error): void {
    for (let { head } = this.waiting; head; { head } = this.waiting) head.leave(error(this.key));
  }

  /** Takes the lock from its holder: its signal aborts and the key is given back. */
  evict(reason: string): void {
    this.tenure?.lose(reason);
  }

  extend(tenure: Tenure, leaseTime: number): Promise<void> {
    return this.desk.keeper.extend(tenure, leaseTime);
  }

  end(lock: Lock): boolean | Promise<boolean> {
    const { tenure } = lock;
    // A lost tenure has left the line already, and another may have come: nothing to give back.
    if (tenure.lost || tenure !== this.tenure) return false;
    if (this.mayHandOver(tenure)) {
      tenure.handOvers += 1;
      tenure.token = lock.token + 1;
      this.give(tenure, this.desk.clock.mono());
      return true;
    }
    this.desk.keeper.forget(tenure);
    this.tenure = undefined;
    const released = this.desk.store.release(tenure);
    this.goOn();
    return released;
  }

  private mayHandOver(tenure: Tenure): boolean {
    const next = this.waiting.head;
    if (!next || next.request.leaseTime !== tenure.leaseTime) return false;
    if (tenure.handOvers >= this.bound.count) return false;
    const { held } = tenure;
    if (held >= this.bound.time) return false;
    // Tokens come from the server's clock in µs, and are not to run away from it.
    if (tenure.handOvers >= held * 1000 + TOKENS_AHEAD) return false;
    // Past its maxHoldTime the lease is being left to run out.
    return tenure.grantedAt + held < tenure.renewUntil;
  }

  /** Asks the store, in the name of all who wait here. */
  private ask(head: Waiter): void {
    const { key } = this;
    const { leaseTime, waitTime } = head.request;
    const attempt = this.desk.store.acquire({
      key,
      leaseTime,
      wait: waitTime > 0,
      waiting: () => {
        for (const waiter of this.waiting) waiter.stand();
      },
    });
    this.attempt = attempt;
    attempt.granted.then(
      (grant) => {
        if (this.attempt === attempt) this.answered(attempt, grant);
      },
      (error: unknown) => {
        if (this.attempt === attempt) this.failed(error);
      },
    );
  }

  private answered(attempt: Attempt, grant: Grant | null): void {
    this.attempt = undefined;
    if (grant === null) {
      this.waiting.shift()?.busy(this.facts(attempt), this.desk.clock.mono());
      this.goOn();
      return;
    }
    const tenure = new Tenure(grant, this.desk.clock, this);
    const left = tenure.remaining;
    if (left <= 0) {
      // A grant that arrives after its own validity is not a lock.
      this.desk.store.release(tenure).catch(() => undefined);
      this.goOn();
      return;
    }
    this.tenure = tenure;
    this.desk.keeper.keep(tenure, left);
    this.give(tenure, tenure.grantedAt);
  }

  private give(tenure: Tenure, now: number): void {
    const waiter = this.waiting.shift() as Waiter;
    tenure.leaseTime = waiter.request.leaseTime;
    tenure.renewUntil = now + waiter.request.maxHoldTime;
    waiter.grant(new Lock(tenure, this, now), now);
  }

  private failed(error: unknown): void {
    this.attempt = undefined;
    const now = this.desk.clock.mono();
    for (let waiter = this.waiting.shift(); waiter; waiter = this.waiting.shift()) {
      waiter.refuse(new LockUnavailableError(this.key, String(error), error), now);
    }
    this.goOn();
  }

  lost(tenure: Tenure): void {
    if (this.tenure !== tenure) return;
    this.desk.keeper.forget(tenure);
    this.tenure = undefined;
    // It may still be ours in the store: given back, the next in line need not wait for its lease.
    this.desk.store.release(tenure).catch(() => undefined);
    this.goOn();
  }

  private goOn(): void {
    const { head } = this.waiting;
    if (head) this.ask(head);
    else this.desk.empty(this);
  }

  /** Somebody stepped out: if it was the last, nobody is to stand in the store's line for us. */
  private left(): void {
    if (this.waiting.head || this.tenure) return;
    this.attempt?.leave();
    this.attempt = undefined;
    this.desk.empty(this);
  }

  /** A caller has waited long enough when it was told "taken", or when the store stayed silent. */
  prolong(waiter: Waiter, now: number): number | undefined {
    const { waitTime } = waiter.request;
    const { heardOf } = this;
    const patience = heardOf
      ? waitTime
      : Math.max(LEAST_PATIENCE, Math.min(waitTime, this.desk.unavailableAfter));
    const until = waiter.since + patience;
    if (until > now) return until;
    // While this process stalled it did not listen: the answer may be there, unread.
    return !heardOf && now - waiter.deadline > STALL ? now + STALL : undefined;
  }

  expired(late: readonly Waiter[], now: number): void {
    const facts = this.heardOf ? this.facts(this.attempt) : undefined;
    for (const waiter of late) {
      if (facts) {
        waiter.busy(facts, now);
      } else {
        const silent = `no word from it in ${Math.round(now - waiter.since)} ms`;
        waiter.refuse(new LockUnavailableError(this.key, silent), now);
      }
    }
    this.left();
  }

  private get heardOf(): boolean {
    return this.tenure !== undefined || this.attempt?.contention !== undefined;
  }

  private facts(attempt: Attempt | undefined): HolderFacts {
    const { tenure } = this;
    if (tenure) {
      const since = this.desk.clock.now().wall - tenure.held;
      return { holder: holderOf(tenure.owner), since, retryAfter: tenure.remaining };
    }
    const contention = attempt?.contention;
    return {
      holder: contention?.holder,
      since: contention?.since,
      retryAfter: contention?.remaining ?? 0,
    };
  }
}
