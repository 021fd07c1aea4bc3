import { systemClock, type Clock } from '../../clock.js';
import {
  LockStore,
  StoreUnavailableError,
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type Grant,
  type LeaseRequest,
  type ListOptions,
  type LockPage,
  type LockState,
  type ReleaseListener,
  type Renewal,
  type StoreTraits,
  type Succession,
} from '../lock-store.js';
import { OwnerMint } from '../owner.js';
import { MemoryAttempt, type AttemptHost } from './memory-attempt.js';
import { outside, soonOutside } from '../../outside.js';
import { MemoryEntry } from './memory-entry.js';
import { LONGEST_DELAY, MemorySweeper } from './memory-sweeper.js';

/**
 * Locks within one process: the same promises as the Redis store, for unit tests and for trying
 * things out. Nothing is shared with another process, and nothing outlives this one.
 *
 * @example
 * RedisLockModule.forRoot({ store: new MemoryStore() })
 */
export class MemoryStore extends LockStore {
  readonly traits: StoreTraits = { localHandOver: false, leases: 'each' };
  readonly place: string;
  private readonly clock: Clock;
  private readonly owners = new OwnerMint();
  private readonly entries = new Map<string, MemoryEntry>();
  private readonly host: AttemptHost = {
    closed: () => this.closed,
    holdersOf: (key) => this.describe(key).holders,
    left: (attempt) => {
      this.left(attempt);
    },
    giveBack: (grant) => {
      this.giveBack(grant);
    },
  };
  /** The largest token of any key: one floor for all, so that no key needs a counter for ever. */
  private lastToken = 0;
  private readonly sweeper: MemorySweeper;
  private closed: StoreUnavailableError | undefined;

  /** @param options.clock - The time that leases go by. @default the system's */
  constructor(options: { readonly clock?: Clock } = {}) {
    super();
    this.clock = options.clock ?? systemClock;
    this.place = `memory ${this.owners.process.replace(/.*#/, '')}`;
    this.sweeper = new MemorySweeper(this.clock, () => this.sweep());
  }

  acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    const attempt = new MemoryAttempt(request, listener, this.host);
    if (this.closed) {
      attempt.fail(this.closed);
      return attempt;
    }
    const { key, mode, wait } = request;
    const entry = this.current(key);
    const conflict = entry?.conflict(mode);
    if (entry === undefined) {
      attempt.give(this.grantFree(request));
    } else if (conflict) {
      attempt.fail(conflict);
    } else if (entry.queue.length === 0 && entry.admits(mode)) {
      attempt.give(this.grantIn(entry, request));
    } else if (wait) {
      entry.noteLimit(mode);
      attempt.waitIn(entry.queue);
      this.watchExpiry(key, entry);
    } else {
      attempt.refuse(entry.describeHolders(this.clock.mono()));
    }
    return attempt;
  }

  extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    return leases.map(({ grant, leaseTime }) =>
      this.answer(() => {
        const from = this.clock.now();
        return this.keep(grant, leaseTime, from.mono) ? { from, leaseTime } : null;
      }),
    );
  }

  release(grant: Grant, lastToken: number, listener: ReleaseListener, keepFor = 0): void {
    const { closed } = this;
    if (closed) {
      soonOutside(() => listener.failed(closed));
      return;
    }
    const ours = keepFor > 0 ? this.keep(grant, keepFor) : this.giveBack(grant, lastToken);
    soonOutside(() => listener.released(ours));
  }

  succeed({ key, from, mode, leaseTime }: Succession): Promise<Grant | null> {
    return this.answer(() => {
      const entry = this.current(key);
      if (!entry?.remove(from.owner)) return null;
      const grant = this.grantIn(entry, { key, mode, leaseTime, wait: false });
      this.goOn(key, entry);
      return grant;
    });
  }

  inspect(key: string): Promise<LockState> {
    return this.answer(() => this.describe(key));
  }

  list({ prefix = '', cursor, limit = 100 }: ListOptions = {}): Promise<LockPage> {
    return this.answer(() => {
      const keys = [...this.entries.keys()]
        .filter((key) => key.startsWith(prefix) && (cursor === undefined || key > cursor))
        .sort();
      const looked = keys.slice(0, limit);
      const locks = looked.map((key) => this.describe(key));
      return {
        locks: locks.filter(({ holders }) => holders.length > 0),
        cursor: looked.length < keys.length ? looked.at(-1) : undefined,
      };
    });
  }

  forceRelease(key: string): Promise<boolean> {
    return this.answer(() => {
      const entry = this.current(key);
      if (entry === undefined) return false;
      entry.dropAll();
      this.goOn(key, entry);
      return true;
    });
  }

  close(): Promise<void> {
    if (this.closed) return Promise.resolve();
    const closed = (this.closed = new StoreUnavailableError('the memory store was closed'));
    this.sweeper.stop();
    for (const entry of this.entries.values()) {
      entry.expiry?.cancel();
      for (let head = entry.queue.head; head; head = entry.queue.head) {
        entry.queue.remove(head);
        head.fail(closed);
      }
    }
    this.entries.clear();
    return Promise.resolve();
  }

  private answer<T>(work: () => T): Promise<T> {
    return this.closed ? Promise.reject(this.closed) : Promise.resolve(work());
  }

  /** The entry as it stands now: leases that ended unseen end here. Undefined when nobody holds the key. */
  private current(key: string): MemoryEntry | undefined {
    const entry = this.entries.get(key);
    if (!entry?.dropEnded(this.clock.mono())) return entry;
    this.goOn(key, entry);
    return entry.isHeld ? entry : undefined;
  }

  private describe(key: string): LockState {
    const entry = this.current(key);
    const holders = entry?.describeHolders(this.clock.mono()) ?? [];
    return { key, holders, waiting: entry?.queue.length ?? 0 };
  }

  /** @returns whether the lock is this owner's, who keeps it for `leaseTime` ms */
  private keep({ key, owner }: Grant, leaseTime: number, now = this.clock.mono()): boolean {
    const entry = this.current(key);
    if (!entry?.renew(owner, now + leaseTime)) return false;
    this.watchExpiry(key, entry);
    return true;
  }

  /** @returns whether the lock was this owner's */
  private giveBack({ key, owner }: Grant, lastToken = 0): boolean {
    const entry = this.current(key);
    if (!entry?.remove(owner)) return false;
    if (lastToken > this.lastToken) this.lastToken = lastToken;
    this.goOn(key, entry);
    return true;
  }

  private left(attempt: MemoryAttempt): void {
    const { key } = attempt.request;
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    entry.queue.remove(attempt);
    // It may have stood before others who go together with the holders.
    this.goOn(key, entry);
  }

  private grantFree(request: LeaseRequest): Grant {
    const entry = new MemoryEntry();
    this.entries.set(request.key, entry);
    this.sweeper.wake(request.leaseTime);
    return this.grantIn(entry, request);
  }

  private grantIn(entry: MemoryEntry, { key, mode, leaseTime }: LeaseRequest): Grant {
    const from = this.clock.now();
    const token = Math.max(this.lastToken + 1, Math.floor(from.wall * 1_000));
    this.lastToken = token;
    const { holder } = this.owners;
    const owner = this.owners.next();
    const grant: Grant = { key, mode, owner, holder, token, lastToken: token, from, leaseTime };
    entry.add(grant);
    return grant;
  }

  /** After a change of holders or waiters: grants to the head of the queue while it goes together with who holds. */
  private goOn(key: string, entry: MemoryEntry): void {
    const { queue } = entry;
    for (let head = queue.head; head && entry.admits(head.request.mode); head = queue.head) {
      queue.remove(head);
      head.give(this.grantIn(entry, head.request));
    }
    this.watchExpiry(key, entry);
    // A key that nobody holds has no waiters either: nothing of it is left.
    if (!entry.isHeld) this.entries.delete(key);
  }

  /**
   * Keeps the timer that serves the waiters of a key, and calls it off when there are none. One
   * that fires too early is left alone and set anew when it has: a hand-off then costs no timer.
   */
  private watchExpiry(key: string, entry: MemoryEntry): void {
    const waited = entry.queue.length > 0;
    const end = entry.nextEnd();
    if (waited && entry.expiry && entry.expiryAt <= end) return;
    entry.expiry?.cancel();
    entry.expiry = undefined;
    if (!waited) return;
    const now = this.clock.mono();
    const delay = Math.min(end - now, LONGEST_DELAY);
    entry.expiryAt = now + delay;
    entry.expiry = outside(() => this.clock.after(delay, () => this.ended(key, entry)));
  }

  private ended(key: string, entry: MemoryEntry): void {
    entry.expiry = undefined;
    entry.dropEnded(this.clock.mono());
    this.goOn(key, entry);
  }

  private sweep(): number | undefined {
    let next = Infinity;
    for (const key of this.entries.keys()) {
      next = Math.min(next, this.current(key)?.nextEnd() ?? Infinity);
    }
    return this.entries.size > 0 ? next - this.clock.mono() : undefined;
  }
}
