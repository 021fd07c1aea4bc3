/** Who is the first to wait asks again at this share of its lease, in ms at least and at most. */
const ASK_SHARE = 1 / 3;
const ASK_LEAST = 500;
const ASK_MOST = 2_500;
/** Questions fall on multiples of this, so that those of neighbours travel together. */
const ASK_GRAIN = 250;
/** When a holder's lease has passed the first to wait asks, then the next, this much later, in ms. */
const ASK_STAGGER = 25;
/** How often one asks that nobody tells anything, in ms, and up to so many times as much. */
const POLL = 100;
const POLL_SPREAD = 2.5;
/** The same while another library's lock comes and goes. */
const POLL_LEAST = 10;

export interface Situation {
  /** On the monotonic clock, in ms. */
  readonly now: number;
  readonly leaseTime: number;
  /** When the holder's lease ends, on the monotonic clock; `Infinity` when it does not. */
  readonly heldUntil: number;
  /** How many wait before this one. */
  readonly place: number;
  /** Whether no message will tell of a release. */
  readonly isOnItsOwn: boolean;
  /**
   * For how long another library's lock has stood, as far as is known, in ms: who holds for long is
   * asked after seldom, and one release after another is not missed for long. `Infinity` where there is none.
   */
  readonly standing: number;
}

/** When a waiter asks again, on the monotonic clock. */
export function questionTime(situation: Situation): number {
  const { now, leaseTime, heldUntil, place, isOnItsOwn, standing } = situation;
  const atExpiry = Math.max(now, heldUntil) + place * ASK_STAGGER;
  if (isOnItsOwn) {
    const pause = Math.min(POLL, Math.max(POLL_LEAST, standing));
    return Math.min(atExpiry, now + pause * (1 + Math.random() * (POLL_SPREAD - 1)));
  }
  const pause = Math.min(ASK_MOST, Math.max(ASK_LEAST, leaseTime * ASK_SHARE));
  const slow = now + pause * (0.75 + Math.random() / 4);
  return Math.min(atExpiry, Math.ceil(slow / ASK_GRAIN) * ASK_GRAIN);
}
