import type { Instant } from '../../../clock.js';
import { isUnderWay, type Entry } from './entry.js';

/** While fewer calls than this are under way, a command goes out by itself and at once. */
const SINGLES = 2;
/** How many calls are under way at most; what comes meanwhile is shared by the next ones. */
const MOST_CALLS = 4;
/** How many entries a call carries at most: none is to keep Redis from others for long. */
const MOST_ENTRIES = 128;

/** One script call under way. */
export interface Call {
  /** Emptied when it was answered: what is dead must not keep what is alive from being young. */
  entries: readonly Entry[];
  readonly sent: Instant;
  /** How often the connection had been lost when it was sent. */
  readonly outages: number;
  /** When its silence is to be told next, on the monotonic clock. */
  silentAt: number;
}

/**
 * Entries that may travel together, in the order in which they were asked, and the calls under way.
 * The size of a group follows the load: single commands while few ask, groups when many do.
 */
export class Lane {
  readonly calls = new Set<Call>();
  queue: Entry[] = [];

  /** @param slot the slot of all its keys, where that matters */
  constructor(readonly slot?: number) {}

  get isIdle(): boolean {
    return this.queue.length === 0 && this.calls.size === 0;
  }

  /** When the oldest call under way was sent, on the monotonic clock. */
  get oldestSentAt(): number | undefined {
    const [oldest] = this.calls;
    return oldest?.sent.mono;
  }

  /** Whether an entry that comes now need not wait for others to come. */
  get isQuiet(): boolean {
    return this.queue.length === 0 && this.calls.size < SINGLES;
  }

  /** The entries for the next call; none when it is better to wait for an answer. */
  next(): Entry[] {
    const most = this.groupSize();
    if (most === 0) return [];
    const group: Entry[] = [];
    let rest: Entry[] | undefined;
    let taken = 0;
    for (const entry of this.queue) {
      if (group.length >= most && !isWithLast(entry, group)) break;
      taken += 1;
      if (entry.stage === 'dropped') continue;
      if (entry.after && isUnderWay(entry.after)) {
        (rest ??= []).push(entry);
        continue;
      }
      entry.stage = 'sent';
      group.push(entry);
    }
    const behind = taken === this.queue.length ? [] : this.queue.slice(taken);
    this.queue = rest ? [...rest, ...behind] : behind;
    return group;
  }

  private groupSize(): number {
    const free = MOST_CALLS - this.calls.size;
    return free <= 0 ? 0 : Math.min(MOST_ENTRIES, Math.ceil(this.queue.length / free));
  }
}

/** What concerns the same lock, or was asked for in one go, travels together. */
function isWithLast(entry: Entry, group: readonly Entry[]): boolean {
  const last = group[group.length - 1];
  if (!last || group.length >= MOST_ENTRIES) return false;
  return entry.lock === last.lock || (!!entry.together && entry.together === last.together);
}
