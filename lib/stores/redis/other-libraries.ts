import type { Clock } from '../../clock.js';

/** How long our turn lasts at least and at most, in ms: redlock gives up after two seconds. */
const OUR_TURN_LEAST = 300;
const OUR_TURN_MOST = 1_500;
/** How long it is left free then, in ms: redlock asks every 100 to 300 ms, others more often. */
const THEIR_TURN = 300;
/** After so long without a lock of theirs a key is ours alone, in ms. */
const FORGOTTEN_AFTER = 300_000;
/** Of so many keys something is known at most. */
const MOST_KEYS = 10_000;
/** A lease that ends so much later than known was begun anew, in ms; clocks are rounded. */
const ROUNDING = 2;

/** What is known of a key; times are ms on the monotonic clock. */
interface Meeting {
  /** When a lock of theirs was met last. */
  readonly metAt: number;
  /** Which one; '' when the key was left free since. */
  readonly lock: string;
  /** Since when that stands, as far as is known. */
  readonly since: number;
  /** When its lease ends, in ms since the epoch on the server's clock. */
  readonly endsEpochMs: number;
  /** From when on their turn lasted. */
  readonly theirsFrom: number;
  /** From when on ours does: until then the key was theirs, or is left free for them. */
  readonly oursFrom: number;
}

/**
 * Keys on which locks of other libraries were met lately. They ask again and again and have no place in
 * our queue: a key that goes from one of ours to the next is never free for them. So we take turns with
 * them on these keys: ours lasts as long as theirs did, within bounds, and then the key is left free
 * until they have taken it, for a short time at most.
 */
export class OtherLibraries {
  /** In the order in which they were met, the latest last. */
  private readonly meetings = new Map<string, Meeting>();

  constructor(
    private readonly clock: Clock,
    /** Whether they may come for any key, met or not. */
    private readonly areExpected: boolean,
  ) {}

  isKnown(key: string): boolean {
    return this.meetings.has(key);
  }

  /** A lock of theirs stands, as of an answer; its value's digest, and when its lease ends. */
  met(key: string, lock: string, endsEpochMs: number): void {
    const now = this.clock.mono();
    const last = this.meetings.get(key);
    // Some give all their locks the same value: then a new lease tells.
    const isSame = last?.lock === lock && !(endsEpochMs > last.endsEpochMs + ROUNDING);
    const since = isSame ? last.since : now;
    this.meetings.delete(key);
    const theirsFrom = last?.theirsFrom ?? now;
    this.meetings.set(key, { metAt: now, lock, since, endsEpochMs, theirsFrom, oursFrom: now });
    this.forget(now);
  }

  /** For how long what stands in the way has done so, as far as is known, in ms. */
  standing(key: string): number {
    const { since = -Infinity } = this.meetings.get(key) ?? {};
    return this.clock.mono() - since;
  }

  /** Whether a key that is given back is to be left free. */
  isTheirTurn(key: string): boolean {
    const meeting = this.meetings.get(key);
    // Mostly there is none: nothing more is looked at then.
    if (!meeting) {
      if (this.areExpected) this.expect(key, this.clock.mono());
      return false;
    }
    const now = this.clock.mono();
    const { metAt, theirsFrom, oursFrom } = meeting;
    if (now - metAt >= FORGOTTEN_AFTER) {
      this.meetings.delete(key);
      return false;
    }
    const turn = Math.min(OUR_TURN_MOST, Math.max(OUR_TURN_LEAST, oursFrom - theirsFrom));
    return now - oursFrom >= turn;
  }

  /** The key is left free from now on, by this process or another of ours. */
  leave(key: string): void {
    const now = this.clock.mono();
    const last = this.meetings.get(key);
    const metAt = last?.metAt ?? now;
    // When they did not come the last time, it counts as if they had it since.
    const theirsFrom = last && metAt < last.theirsFrom ? last.theirsFrom : now;
    const oursFrom = now + THEIR_TURN;
    this.meetings.set(key, { metAt, lock: '', since: now, endsEpochMs: 0, theirsFrom, oursFrom });
    this.forget(now);
  }

  /** Whether a key is left free for them now. */
  isLeft(key: string): boolean {
    const meeting = this.meetings.get(key);
    return meeting !== undefined && this.clock.mono() < meeting.oursFrom;
  }

  /** Until when a key is left free, on the monotonic clock. */
  leftUntil(key: string): number {
    return this.meetings.get(key)?.oursFrom ?? -Infinity;
  }

  /** Our turn begins: had they been in before, they would have been met. */
  private expect(key: string, now: number): void {
    const begin = { since: now, metAt: now, theirsFrom: now, oursFrom: now };
    this.meetings.set(key, { ...begin, lock: '', endsEpochMs: 0 });
    this.forget(now);
  }

  private forget(now: number): void {
    for (const [key, { metAt }] of this.meetings) {
      if (now - metAt < FORGOTTEN_AFTER && this.meetings.size <= MOST_KEYS) return;
      this.meetings.delete(key);
    }
  }
}
