import type { Lease } from './lease.js';

/** How many looks a third of a lease is divided into: leases due together are renewed together. */
const LOOKS_PER_RENEWAL = 64;

/** The leases to be looked at together, linked to each other: joining and leaving cost no search. */
class Bucket {
  first: Lease | undefined;

  /** @param at when, on the monotonic clock */
  constructor(readonly at: number) {}

  add(lease: Lease): void {
    const { first } = this;
    lease.bucket = this;
    lease.previous = undefined;
    lease.next = first;
    if (first) first.previous = lease;
    this.first = lease;
  }

  remove(lease: Lease): void {
    const { next, previous } = lease;
    if (next) next.previous = previous;
    if (previous) previous.next = next;
    else this.first = next;
    lease.bucket = lease.next = lease.previous = undefined;
  }

  *leases(): Generator<Lease> {
    for (let lease = this.first; lease; lease = lease.next) yield lease;
  }
}

/** The leases of a process by the moment at which they are to be looked at, in rounded steps. */
export class LeaseBuckets {
  size = 0;
  private readonly buckets = new Map<number, Bucket>();
  /** The one used last: the next lease mostly goes there too. Kept while it is empty. */
  private recent: Bucket | undefined;

  has(lease: Lease): boolean {
    return lease.bucket !== undefined;
  }

  /** When it will be looked at, on the monotonic clock. */
  dueAt({ bucket }: Lease): number {
    return bucket instanceof Bucket ? bucket.at : Infinity;
  }

  /**
   * Puts a lease where it will be looked at in `delay` ms or a little sooner, wherever it was before.
   * @returns when that is, on the monotonic clock
   */
  put(lease: Lease, now: number, delay: number): number {
    this.remove(lease);
    const grain = 2 ** Math.max(0, Math.floor(Math.log2(delay / LOOKS_PER_RENEWAL)));
    const at = Math.floor((now + delay) / grain) * grain;
    let bucket = this.recent;
    if (bucket?.at !== at) {
      if (bucket && !bucket.first) this.buckets.delete(bucket.at);
      bucket = this.buckets.get(at);
      if (!bucket) this.buckets.set(at, (bucket = new Bucket(at)));
      this.recent = bucket;
    }
    bucket.add(lease);
    this.size += 1;
    return at;
  }

  remove(lease: Lease): void {
    const { bucket } = lease;
    if (!(bucket instanceof Bucket)) return;
    bucket.remove(lease);
    this.size -= 1;
    if (!bucket.first && bucket !== this.recent) this.buckets.delete(bucket.at);
  }

  /** Those whose moment has come. They stay until they are put elsewhere or removed. */
  takeDue(now: number): Lease[] {
    const due: Lease[] = [];
    for (const bucket of this.buckets.values()) {
      if (bucket.at > now) continue;
      for (const lease of bucket.leases()) due.push(lease);
    }
    return due;
  }

  /** The next moment at which there is something to look at. */
  earliest(): number {
    let earliest = Infinity;
    for (const { at, first } of this.buckets.values()) {
      if (first && at < earliest) earliest = at;
    }
    return earliest;
  }

  all(): Lease[] {
    return [...this.buckets.values()].flatMap((bucket) => [...bucket.leases()]);
  }

  clear(): void {
    for (const lease of this.all()) this.remove(lease);
    this.buckets.clear();
    this.recent = undefined;
  }
}
