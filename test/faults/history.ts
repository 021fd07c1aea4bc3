import { EXCLUSIVE, type Mode } from './modes.js';

/**
 * What a campaign leaves behind for the checks. All times are `moment()`s.
 *
 * **Belief.** A worker proves that it believes in its lock by taking the time (`from`), asking
 * `lock.isHeld()`, taking the time again (`to`) and, when the answer was yes, at once sending a
 * write or its leave to the witness with both times. Somewhere between `from` and `to` it believed,
 * wherever the scheduler may have stopped it. A lock claims to be held without interruption until
 * it says otherwise, and a worker ends its hold at the first no. So between the `to` of the first
 * proof and the `from` of the last it *certainly* believed, and acted on it. Stopped, a worker proves
 * nothing: after SIGCONT its first proof is a no, and its belief ends with the last proof before.
 *
 * **Overlap.** Two holds of one key whose certain beliefs intersect, and whose modes exclude each other:
 * a writer with anyone, a reader with anyone but readers. *Over the limit*: at one moment the permits of
 * those who certainly believed were more than there are. Nothing is rounded in favour of
 * the lock but the distance between two proofs (some milliseconds), and nothing that is counted can
 * be explained by a pause between a check and the act that follows it. What such a pause lets
 * through is a late write, and that is the fencing token's business.
 *
 * **Silent loss.** A hold that certainly spans a moment at which the server lost its data, and ended
 * without a word: its lock never said no, its signal did not abort, its release said that all was
 * well, its `using` did not reject. Of those that passed one lease on inside a process only the last
 * has the store's word to hear, and of readers that shared one whoever left it last.
 *
 * **Stale write.** A write of a hold after the resource has accepted the token of a hold that was
 * granted later. Refused: fencing works. Accepted: data is overwritten. What a reader or the holder of
 * a permit sends is a read: it must not come under a token smaller than that of a write before it.
 *
 * **Change of hands.** A hold that is downgraded, or resumed from a ticket, is a hold of its own, which
 * may have the lock before it is told so.
 */
export interface History {
  readonly attempts: readonly Attempt[];
  readonly acceptances: readonly Acceptance[];
  readonly disturbances: readonly Disturbance[];
  readonly bounds: readonly Bound[];
  readonly sightings: readonly Sighting[];
  readonly deaths: readonly Death[];
  readonly incidents: readonly Incident[];
  /** The end of the load, when every caller should have been answered. */
  readonly end: number;
}

/** One caller's way to a lock and through it. */
export interface Attempt {
  readonly id: string;
  /** The process; a restarted worker has a new name. */
  readonly worker: string;
  readonly key: string;
  readonly asked: number;
  /** How long the caller was willing to wait, in ms. */
  readonly patience: number;
  readonly leaseTime: number;
  /** Left out: exclusive. */
  readonly mode?: Mode;
  /**
   * It may be held before the answer, even if that is no: one of several keys asked for together, a
   * downgrade, a ticket that is claimed.
   */
  readonly early?: boolean;
  /** The hold whose ticket it claims. */
  readonly ticketOf?: string;
  answered?: number;
  outcome?: Outcome;
  /** What a wrong answer was. */
  note?: string;
  /** For how long the worker itself did not run between `asked` and `answered`, in ms. */
  stalled?: number;
  token?: number;
  /** The certain belief, as above. */
  believed?: Span;
  /** The last proof of belief. */
  lastSign?: number;
  /** When it left, still believing; a hold that lost its lock never did. */
  left?: number;
  /** Whether its lock, its release or its scope told it of a loss; undefined until it has ended. */
  told?: boolean;
  lost?: boolean;
  /** Until when it was about to leave its lock to whoever has the ticket, and whether that went well. */
  handOff?: { readonly at: number; readonly isDone: boolean };
  accepted: number;
  refused: number;
}

/**
 * `refused`: the server answered with an error. `unlocked`: the work ran without a lock, as it had
 * asked for. `lost`: of several locks one was lost while another was waited for, or one that was to be
 * downgraded. `ended`: there was nothing left to resume.
 */
export type Outcome =
  | 'granted'
  | 'busy'
  | 'aborted'
  | 'unavailable'
  | 'refused'
  | 'unlocked'
  | 'lost'
  | 'ended'
  | 'wrong';

export interface Span {
  readonly from: number;
  to: number;
}

/** An unbroken series of writes of one hold that the resource accepted. */
export interface Acceptance extends Span {
  readonly key: string;
  readonly attempt: string;
}

/**
 * What takes a promise back for a while, or makes one. `commands late`: what a worker says may arrive so much
 * later, and renew what it has given up meanwhile. `server may refuse`: an answer may be an
 * error. `server refuses`: it does answer, and with errors to whoever wants a lock.
 */
export interface Disturbance extends Span {
  readonly kind:
    'data lost' | 'server clock back' | 'commands late' | 'server may refuse' | 'server refuses';
  /** By how many ms a clock was stepped back, or commands are held up at most. */
  readonly by?: number;
  /**
   * Connections ended with it. A release may then have been sent twice, and the second answer, that
   * the lock is not known, is what it would be had the first one worked: no loss can be told from it.
   */
  readonly cut?: boolean;
}

/** While this goes on, no key may be closed for longer: somebody waits and nobody is inside. */
export interface Bound extends Span {
  readonly most: number;
  readonly why: string;
}

/** One holder of a key, `owner token`, as it was seen in Redis all the time. */
export interface Sighting extends Span {
  readonly key: string;
  readonly value: string;
}

export interface Death {
  readonly worker: string;
  readonly at: number;
}

/** What is wrong wherever it happens. */
export interface Incident {
  readonly kind:
    'crash' | 'unhandled rejection' | 'silent loss' | 'stuck' | 'left behind' | 'not recovered';
  readonly at: number;
  readonly text: string;
}

/** What a check found; with `allowed`, where it is no violation, and why. */
export interface Finding {
  readonly kind:
    | Incident['kind']
    | 'overlap'
    | 'over the limit'
    | 'ticket claimed twice'
    | 'believed after hand-off'
    | 'stale write accepted'
    | 'token backwards'
    | 'orphan'
    | 'late answer'
    | 'no answer'
    | 'wrong answer'
    | 'unlocked work'
    | 'closed too long';
  readonly at: number;
  readonly text: string;
  readonly allowed?: string;
}

export function modeOf({ mode = EXCLUSIVE }: Pick<Attempt, 'mode'>): Mode {
  return mode;
}

export function intersects(span: Span, from: number, to: number): boolean {
  return span.from <= to && span.to >= from;
}

export function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = nameOf(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

export function byKey<T extends { key: string }>(items: readonly T[]): Map<string, T[]> {
  return groupBy(items, (item) => item.key);
}
