import { byKey, intersects, type Disturbance, type Finding, type History } from '../history.js';
import { certainlyBefore, firstOfLease, isHold, only, type Hold } from './grant-order.js';

/**
 * Holds whose token is not larger than that of one which was certainly granted before. Allowed are
 * hand-overs on a lease that the server had forgotten, unknown to the process: such a token is too
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
    const largest = largestSoFar(holds, steps);
    holds.forEach((after, i) => {
      const before = largestBefore(i, holds, largest, losses);
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
    });
  }
  return findings;
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

function largestBefore(
  index: number,
  holds: readonly Hold[],
  largestUpTo: readonly (Hold | undefined)[],
  losses: readonly Disturbance[],
): Hold | undefined {
  const after = holds[index]!;
  let largest: Hold | undefined;
  let i = index - 1;
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
