import {
  byKey,
  groupBy,
  intersects,
  modeOf,
  type Disturbance,
  type Finding,
  type History,
} from '../history.js';
import { exclude } from '../modes.js';
import { certainlyBefore, firstOfLease, isHold, only, type Hold } from './grant-order.js';

/**
 * Holds whose token is not larger than that of one which was certainly granted before and could not be
 * inside with them; of those that can only permits must differ. Readers share the token of the lease
 * they hold through, and may come late to it. Allowed are hand-overs on a lease that the server had forgotten, unknown to the process: such a token is too
 * small, and what is written under it is refused.
 */
export function findTokenFaults(history: History): Finding[] {
  const losses = only(history.disturbances, 'data lost');
  // For as long as the clock was stepped back, tokens of before may live on in line with new ones.
  const steps = only(history.disturbances, 'server clock back').map((step) => ({
    ...step,
    to: step.to + (step.by ?? 0),
  }));
  const findings: Finding[] = [];
  for (const [key, holds] of byKey(history.attempts.filter(isHold))) {
    const begun = firstOfLease(holds);
    holds.sort((a, b) => a.answered - b.answered);
    const compare = (before: Hold | undefined, after: Hold): void => {
      if (!before || before.token < after.token) return;
      const stepped = steps.some((step) => intersects(step, before.asked, after.answered));
      const first = begun.get(after)!;
      const forgotten =
        first !== after && losses.some((loss) => intersects(loss, first.answered, after.answered));
      findings.push({
        kind: 'token backwards',
        at: after.answered,
        text: `${key}: ${after.id} has ${after.token} after ${before.token} of ${before.id}`,
        ...(stepped && { allowed: "the server's clock was stepped back" }),
        ...(forgotten && { allowed: 'the server had lost its data' }),
      });
    };
    for (const alike of groupBy(holds, (hold) => modeOf(hold).kind).values()) {
      const mode = modeOf(alike[0]!);
      const befores = holds.filter((hold) => exclude(modeOf(hold), mode));
      const largest = largestSoFar(befores, steps);
      let count = 0;
      for (const after of alike) {
        while (count < befores.length && befores[count]!.answered < after.answered) count += 1;
        compare(largestBefore(after, count, befores, largest, losses), after);
      }
      if (mode.kind === 'limited') {
        for (const [one, other] of twins(alike)) compare(one, other);
      }
    }
  }
  return findings;
}

/** Pairs of the same token. */
function* twins(holds: readonly Hold[]): Generator<[Hold, Hold]> {
  const first = new Map<number, Hold>();
  for (const hold of holds) {
    const twin = first.get(hold.token);
    if (twin) yield [twin, hold];
    else first.set(hold.token, hold);
  }
}

/**
 * For each hold, sorted by answer, the one with the largest token up to it. A step of the server's
 * clock starts anew, without those that were asked for before it and answered after it.
 */
function largestSoFar(holds: readonly Hold[], steps: readonly Disturbance[]): (Hold | undefined)[] {
  let largest: Hold | undefined;
  let passed = 0;
  return holds.map((hold) => {
    const stepsBefore = steps.filter((step) => step.from <= hold.answered).length;
    if (stepsBefore !== passed) largest = undefined;
    passed = stepsBefore;
    const straddles = steps.some((step) => intersects(step, hold.asked, hold.answered));
    if (!straddles && (!largest || hold.token > largest.token)) largest = hold;
    return largest;
  });
}

/** Of the first `count` holds, in the order of their answers. */
function largestBefore(
  after: Hold,
  count: number,
  holds: readonly Hold[],
  largestUpTo: readonly (Hold | undefined)[],
  losses: readonly Disturbance[],
): Hold | undefined {
  let largest: Hold | undefined;
  let i = count - 1;
  // The few that were answered while this one waited are looked at one by one.
  for (; i >= 0 && holds[i]!.answered >= after.asked; i -= 1) {
    const before = holds[i]!;
    if ((!largest || before.token > largest.token) && certainlyBefore(before, after, losses)) {
      largest = before;
    }
  }
  const settled = largestUpTo[i];
  return settled && (!largest || settled.token > largest.token) ? settled : largest;
}
