import { intersects, type Attempt, type Disturbance } from '../history.js';

/** A hold that has proved at least once that it believed. */
export type Hold = Attempt & { answered: number; token: number };

export function isHold(attempt: Attempt): attempt is Hold {
  return attempt.outcome === 'granted' && attempt.answered !== undefined;
}

/**
 * Whether `before` was certainly granted before `after`, whatever their tokens say.
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
