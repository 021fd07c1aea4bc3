import { systemClock, type Clock, type Instant, type Timer } from '../../clock.js';
import {
  LockStore,
  type Attempt,
  type Contention,
  type Grant,
  type HeldLease,
  type LeaseRequest,
  type LockState,
} from '../lock-store.js';
import { holderOf, OwnerMint } from '../owner.js';
import {
  GrantedAttempt,
  RefusedAttempt,
  WaitingAttempt,
  WaitingLine,
  type AttemptHost,
} from './memory-attempt.js';

/** A key that somebody holds, or held until a lease ran out that nobody has looked at since. */
interface Entry {
  owner: string;
  /** When it was granted, on the wall clock. */
  since: number;
  /** The end of the lease, on the monotonic clock. */
  until: number;
  /** Made for the first waiter; most keys never have one. */
  line: WaitingLine | undefined;
  /** Set while somebody waits: the moment the lease runs out is theirs. */
  expiry: Timer | undefined;
  /** When that timer fires, on the monotonic clock. */
  expiryAt: number;
}

const SWEEP_INTERVAL = 1_000;
/** What setTimeout can take. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Locks within one process: the same promises as the Redis store, for unit tests and for trying
 * things out. Nothing is shared with another process, and nothing outlives this one.
 *
 * @example
 * RedisLockModule.forRoot({ store: new MemoryStore() })
 */
export class MemoryStore extends LockStore {
  readonly remote = false;
  private readonly clock: Clock;
  private readonly owners = new OwnerMint();
  private readonly entries = new Map<string, Entry>();
  private readonly host: AttemptHost;
  /** The largest token of any key: one floor for all, so that no key needs a counter for ever. */
  private lastToken = 0;
  private sweeper: Timer | undefined;
  private closed = false;

  /** @param options.clock - The time leases go by; the system's when left out. */
  constructor(options: { readonly clock?: Clock } = {}) {
    super();
    this.clock = options.clock ?? systemClock;
    this.host = {
      contention: (key) => this.contention(this.entries.get(key)),
      leave: (attempt) => {
        this.leaveLine(attempt);
      },
      giveBack: (grant) => {
        this.giveBack(grant);
      },
    };
  }

  acquire(request: LeaseRequest): Attempt {
    if (this.closed) return rejected(request.key);
    const entry = this.current(request.key);
    if (entry === undefined) return new GrantedAttempt(this.host, this.grantFree(request));
    if (!request.wait) return new RefusedAttempt(this.contention(entry));
    const attempt = new WaitingAttempt(this.host, request);
    entry.line ??= new WaitingLine();
    entry.line.push(attempt);
    this.watchExpiry(request.key, entry);
    return attempt;
  }

  extend(leases: readonly (HeldLease & { leaseTime: number })[]): Promise<Instant | null>[] {
    return leases.map((lease) => {
      const entry = this.heldBy(lease);
      if (entry === undefined) return Promise.resolve(null);
      const now = this.clock.now();
      entry.until = now.mono + lease.leaseTime;
      this.watchExpiry(lease.key, entry);
      return Promise.resolve(now);
    });
  }

  release(lease: HeldLease): Promise<boolean> {
    return Promise.resolve(this.giveBack(lease));
  }

  inspect(key: string): Promise<LockState> {
    const entry = this.current(key);
    return Promise.resolve({ held: this.contention(entry), waiting: entry?.line?.length ?? 0 });
  }

  close(): Promise<void> {
    this.closed = true;
    this.sweeper?.cancel();
    this.sweeper = undefined;
    for (const [key, entry] of this.entries) {
      entry.expiry?.cancel();
      for (let next = entry.line?.shift(); next !== undefined; next = entry.line?.shift()) {
        next.reject(closedError(key));
      }
    }
    this.entries.clear();
    return Promise.resolve();
  }

  /** The entry as it stands now: a lease that ran out unseen ends here. */
  private current(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined || entry.until > this.clock.mono()) return entry;
    this.passOn(key, entry);
    return this.entries.get(key);
  }

  private heldBy(lease: HeldLease): Entry | undefined {
    const entry = this.current(lease.key);
    if (entry?.owner !== lease.owner) return undefined;
    if (lease.token > this.lastToken) this.lastToken = lease.token;
    return entry;
  }

  private giveBack(lease: HeldLease): boolean {
    const entry = this.heldBy(lease);
    if (entry === undefined) return false;
    this.passOn(lease.key, entry);
    return true;
  }

  private grantFree(request: LeaseRequest): Grant {
    const grant = this.mint(request);
    this.entries.set(request.key, {
      owner: grant.owner,
      since: grant.from.wall,
      until: grant.from.mono + request.leaseTime,
      line: undefined,
      expiry: undefined,
      expiryAt: 0,
    });
    if (this.sweeper === undefined) this.armSweeper(request.leaseTime);
    return grant;
  }

  /** The lock goes to the next in line; with nobody there, nothing of the key is left. */
  private passOn(key: string, entry: Entry): void {
    const next = entry.line?.shift();
    if (next === undefined) {
      entry.expiry?.cancel();
      this.entries.delete(key);
      return;
    }
    const grant = this.mint(next.request);
    entry.owner = grant.owner;
    entry.since = grant.from.wall;
    entry.until = grant.from.mono + next.request.leaseTime;
    this.watchExpiry(key, entry);
    next.settle(grant);
  }

  private mint(request: LeaseRequest): Grant {
    const from = this.clock.now();
    this.lastToken = Math.max(this.lastToken + 1, Math.floor(from.wall * 1_000));
    return {
      key: request.key,
      owner: this.owners.next(),
      token: this.lastToken,
      from,
      leaseTime: request.leaseTime,
    };
  }

  private leaveLine(attempt: WaitingAttempt): void {
    const { key } = attempt.request;
    const entry = this.entries.get(key);
    if (entry?.line === undefined) return;
    entry.line.remove(attempt);
    this.watchExpiry(key, entry);
  }

  /**
   * Keeps the timer that serves the waiters of a key, and calls it off when there are none. One
   * that fires too early is left alone and set anew when it has: a hand-over then costs no timer.
   */
  private watchExpiry(key: string, entry: Entry): void {
    const waited = entry.line !== undefined && entry.line.length > 0;
    if (waited && entry.expiry !== undefined && entry.expiryAt <= entry.until) return;
    entry.expiry?.cancel();
    entry.expiry = undefined;
    if (!waited) return;
    const now = this.clock.mono();
    const delay = Math.min(entry.until - now, LONGEST_DELAY);
    entry.expiryAt = now + delay;
    entry.expiry = this.clock.after(delay, () => {
      entry.expiry = undefined;
      if (entry.until > this.clock.mono()) this.watchExpiry(key, entry);
      else this.passOn(key, entry);
    });
  }

  /**
   * Forgets the leases that ran out with nobody waiting. A timer for each lease would be most of
   * the price of an acquisition, so one looks through them all, and lapses when there are none.
   */
  private armSweeper(delay: number): void {
    const wait = Math.min(Math.max(delay, SWEEP_INTERVAL), LONGEST_DELAY);
    this.sweeper = this.clock.after(wait, () => this.sweep(), true);
  }

  private sweep(): void {
    this.sweeper = undefined;
    const now = this.clock.mono();
    let soonest = Infinity;
    for (const [key, entry] of this.entries) {
      if (entry.until > now) soonest = Math.min(soonest, entry.until);
      else if (entry.expiry === undefined) this.entries.delete(key);
      else soonest = now;
    }
    if (this.entries.size > 0) this.armSweeper(soonest - now);
  }

  private contention(entry: Entry | undefined): Contention | undefined {
    if (entry === undefined) return undefined;
    const remaining = Math.max(0, entry.until - this.clock.mono());
    return { holder: holderOf(entry.owner), since: entry.since, remaining };
  }
}

function rejected(key: string): Attempt {
  const granted = Promise.reject<Grant>(closedError(key));
  // Whoever leaves without having looked must not bring the process down.
  granted.catch(() => undefined);
  return { granted, contention: undefined, leave: () => undefined };
}

function closedError(key: string): Error {
  return new Error(`the memory store was closed; "${key}" cannot be locked any more`);
}
