import { groupBy, intersects, modeOf, type Attempt, type Disturbance } from '../history.js';
import { tokenRange } from '../modes.js';

/** A hold that has proved at least once that it believed. */
export type Hold = Attempt & { answered: number; token: number };

export function isHold(attempt: Attempt): attempt is Hold {
  return attempt.outcome === 'granted' && attempt.answered !== undefined;
}

/**
 * Whether `before` was certainly granted before `after`, whatever their tokens say; of two that exclude
 * each other.
 *
 * It was, when it had its answer before the other had asked. And while the server keeps its data it
 * was, when it had its answer before the other had its own and believed in it: had the other been
 * granted first, its lease would have ended before this grant, and its belief would be false. If
 * data was lost between the other's question and this answer, both may have been granted in either
 * order and nothing is claimed.
 */
export function certainlyBefore(
  before: Hold,
  after: Hold,
  losses: readonly Disturbance[],
): boolean {
  if (before.answered < after.asked) return true;
  const belief = after.believed?.from;
  if (belief === undefined || before.answered >= belief || before.answered >= after.answered) {
    return false;
  }
  return !losses.some((loss) => intersects(loss, after.asked, before.answered));
}

export function only(
  disturbances: readonly Disturbance[],
  kind: Disturbance['kind'],
): Disturbance[] {
  return disturbances.filter((one) => one.kind === kind);
}

/** By how many ms the server's clock was stepped back meanwhile: every lease on it is longer by as much. */
export function steppedBack(
  disturbances: readonly Disturbance[],
  from: number,
  to: number,
): number {
  return only(disturbances, 'server clock back')
    .filter((step) => intersects(step, from, to))
    .reduce((sum, step) => sum + (step.by ?? 0), 0);
}

/** By how many ms, at most, what a worker says may be held up then. */
export function heldUp(disturbances: readonly Disturbance[], from: number, to: number): number {
  const delays = only(disturbances, 'commands late').filter((one) =>
    intersects(one, from - (one.by ?? 0), to),
  );
  return Math.max(0, ...delays.map(({ by = 0 }) => by));
}

/** When a lease ends that nobody renews: a step back makes it longer, and so may the next meanwhile. */
export function endOfLease(
  disturbances: readonly Disturbance[],
  from: number,
  leaseTime: number,
): number {
  return only(disturbances, 'server clock back')
    .sort((a, b) => a.from - b.from)
    .reduce(
      (end, step) => (intersects(step, from, end) ? end + (step.by ?? 0) : end),
      from + leaseTime,
    );
}

/**
 * Tokens of hand-overs follow each other so closely. Two leases are further apart: a token is a time
 * in µs, and a hold takes 2 ms and more.
 */
const HAND_OVERS = 100;

/**
 * The holds of one key, by the lease that those of one worker had one after the other, or, of readers,
 * together; in the order of their tokens.
 */
export function leases(holds: readonly Hold[]): Hold[][] {
  const grouped: Hold[][] = [];
  for (const alike of groupBy(holds, (hold) => `${modeOf(hold).kind} ${hold.worker}`).values()) {
    let lease: Hold[] = [];
    for (const hold of alike.sort((a, b) => a.token - b.token || a.answered - b.answered)) {
      if (goesOn(lease, hold)) lease.push(hold);
      else grouped.push((lease = [hold]));
    }
  }
  return grouped;
}

function goesOn(lease: readonly Hold[], next: Hold): boolean {
  const [first, last] = [lease[0], lease.at(-1)];
  if (!first || !last) return false;
  const mode = modeOf(next);
  if (mode.kind === 'shared') return next.token === first.token;
  // The same token twice is no hand-over, but a lock that does not count.
  if (next.token === last.token) return false;
  if (mode.kind === 'limited') return next.token - first.token <= tokenRange(mode);
  return next.token - last.token <= HAND_OVERS;
}

/** For each hold of one key the first of its lease: only that one was granted by the server. */
export function firstOfLease(holds: readonly Hold[]): Map<Hold, Hold> {
  return new Map(leases(holds).flatMap((lease) => lease.map((hold) => [hold, lease[0]!])));
}
