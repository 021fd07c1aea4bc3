/** Who is the first to wait asks again at this share of its lease, in ms at least and at most. */
const ASK_SHARE = 1 / 3;
const ASK_LEAST = 500;
const ASK_MOST = 2_500;
/** Questions fall on multiples of this, so that those of neighbours travel together. */
const ASK_GRAIN = 250;
/** When a holder's lease has passed the first to wait asks, then the next, this much later, in ms. */
const ASK_STAGGER = 25;
/** How often one asks that nobody tells anything, in ms. */
const POLL_LEAST = 100;
const POLL_MOST = 250;

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
}

/** When a waiter asks again, on the monotonic clock. */
export function questionTime(situation: Situation): number {
  const { now, leaseTime, heldUntil, place, isOnItsOwn } = situation;
  const atExpiry = Math.max(now, heldUntil) + place * ASK_STAGGER;
  if (isOnItsOwn) {
    return Math.min(atExpiry, now + POLL_LEAST + Math.random() * (POLL_MOST - POLL_LEAST));
  }
  const pause = Math.min(ASK_MOST, Math.max(ASK_LEAST, leaseTime * ASK_SHARE));
  const slow = now + pause * (0.75 + Math.random() / 4);
  return Math.min(atExpiry, Math.ceil(slow / ASK_GRAIN) * ASK_GRAIN);
}
