import type { Timer } from '../../clock.js';
import { compatible, limitMismatch, type LockMode } from '../lock-mode.js';
import type { Grant, HolderInfo } from '../lock-store.js';
import { MemoryQueue } from './memory-queue.js';

interface Holder {
  readonly grant: Grant;
  /** The end of its lease, on the monotonic clock. */
  until: number;
}

/** One key: who holds it, or held it until a lease ended that nobody has looked at since, and who waits. */
export class MemoryEntry {
  /** Set while somebody waits: the moment at which a lease ends is theirs. */
  expiry: Timer | undefined;
  /** When that timer fires, on the monotonic clock. */
  expiryAt = 0;

  readonly queue = new MemoryQueue();
  private holders: Holder[] = [];
  /** How many permits there are, once somebody has named it, until the key is free. */
  private limit: number | undefined;

  get isHeld(): boolean {
    return this.holders.length > 0;
  }

  /** Whether a lock of this mode may be held beside those who hold now. */
  admits(mode: LockMode): boolean {
    return compatible(
      mode,
      this.holders.map(({ grant }) => grant.mode),
    );
  }

  /** @returns what is wrong when somebody else has named another limit */
  conflict(mode: LockMode): Error | undefined {
    if (mode.kind !== 'limited' || this.limit === undefined || this.limit === mode.limit) {
      return undefined;
    }
    return new Error(limitMismatch(this.limit, mode.limit));
  }

  /** Somebody holds, or waits, with this mode. */
  noteLimit(mode: LockMode): void {
    if (mode.kind === 'limited') this.limit = mode.limit;
  }

  add(grant: Grant): void {
    this.noteLimit(grant.mode);
    this.holders.push({ grant, until: grant.from.mono + grant.leaseTime });
  }

  /** @returns whether this owner held the key */
  remove(owner: string): boolean {
    const index = this.holders.findIndex(({ grant }) => grant.owner === owner);
    if (index >= 0) this.holders.splice(index, 1);
    return index >= 0;
  }

  /** @returns whether this owner holds the key */
  renew(owner: string, until: number): boolean {
    const holder = this.holders.find(({ grant }) => grant.owner === owner);
    if (holder) holder.until = until;
    return holder !== undefined;
  }

  /** @returns whether a lease had ended */
  dropEnded(now: number): boolean {
    if (this.nextEnd() > now) return false;
    this.holders = this.holders.filter(({ until }) => until > now);
    return true;
  }

  dropAll(): void {
    this.holders = [];
  }

  /** When the first of the leases ends, on the monotonic clock. */
  nextEnd(): number {
    let next = Infinity;
    for (const { until } of this.holders) next = Math.min(next, until);
    return next;
  }

  describeHolders(now: number): HolderInfo[] {
    return this.holders.map(({ grant: { holder, mode, from }, until }) => ({
      holder,
      mode,
      sinceEpochMs: from.wall,
      remainingMs: Math.max(0, until - now),
    }));
  }
}
