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
 * **Overlap.** Two holds of one key whose certain beliefs intersect. Nothing is rounded in favour of
 * the lock but the distance between two proofs (some milliseconds), and nothing that is counted can
 * be explained by a pause between a check and the act that follows it. What such a pause lets
 * through is a late write, and that is the fencing token's business.
 *
 * **Stale write.** A write of a hold after the resource has accepted the token of a hold that was
 * granted later. Refused: fencing works. Accepted: data is overwritten.
 */
export interface History {
  readonly attempts: readonly Attempt[];
  readonly acceptances: readonly Acceptance[];
  readonly disturbances: readonly Disturbance[];
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
  /** One of several keys asked for together: it may be held before the answer, even if that is no. */
  readonly several?: boolean;
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
  lost?: boolean;
  accepted: number;
  refused: number;
}

/** `lost`: of several locks one was lost while another was waited for. */
export type Outcome = 'granted' | 'busy' | 'aborted' | 'unavailable' | 'lost' | 'wrong';

export interface Span {
  readonly from: number;
  to: number;
}

/** An unbroken series of writes of one hold that the resource accepted. */
export interface Acceptance extends Span {
  readonly key: string;
  readonly attempt: string;
}

/** What takes a promise back for a while. */
export interface Disturbance extends Span {
  readonly kind: 'data lost' | 'server clock back';
  /** By how many ms a clock was stepped back. */
  readonly by?: number;
}

/** A lock's key as it was seen in Redis: there with one and the same value all the time. */
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
  readonly kind: 'crash' | 'unhandled rejection' | 'silent loss' | 'stuck' | 'left behind';
  readonly at: number;
  readonly text: string;
}

/** What a check found; with `allowed`, where it is no violation, and why. */
export interface Finding {
  readonly kind:
    | Incident['kind']
    | 'overlap'
    | 'stale write accepted'
    | 'token backwards'
    | 'orphan'
    | 'late answer'
    | 'no answer'
    | 'wrong answer'
    | 'not recovered';
  readonly at: number;
  readonly text: string;
  readonly allowed?: string;
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
