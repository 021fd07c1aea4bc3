import { byKey, intersects, type Attempt, type Finding, type History } from '../history.js';
import { firstOfLease, isHold, only, type Hold } from './grant-order.js';

type Believer = Hold & { believed: NonNullable<Attempt['believed']> };

/**
 * Pairs of holds of one key that both certainly believed at one moment. Allowed are those whose
 * leases the server may have forgotten. A lease begins with the first that held through it: who is
 * handed one over inside its process asks the server nothing, and may have come after the loss.
 */
export function findOverlaps({ attempts, disturbances }: History): Finding[] {
  const losses = only(disturbances, 'data lost');
  const findings: Finding[] = [];
  const believers = attempts.filter(
    (attempt): attempt is Believer =>
      isHold(attempt) &&
      attempt.believed !== undefined &&
      attempt.believed.to > attempt.believed.from,
  );
  const firsts = new Map(
    [...byKey(attempts.filter(isHold)).values()].flatMap((holds) => [...firstOfLease(holds)]),
  );
  const begun = (hold: Hold): number => (firsts.get(hold) ?? hold).asked;
  for (const [key, holds] of byKey(believers)) {
    holds.sort((a, b) => a.believed.from - b.believed.from);
    let inside: Believer[] = [];
    for (const hold of holds) {
      const at = hold.believed.from;
      inside = inside.filter((other) => other.believed.to > at);
      for (const other of inside) {
        const from = Math.min(begun(hold), begun(other));
        const lost = losses.some((loss) => intersects(loss, from, at));
        findings.push({
          kind: 'overlap',
          at,
          text: `${key}: ${describe(other)} and ${describe(hold)}`,
          ...(lost && { allowed: 'the server had lost its data' }),
        });
      }
      inside.push(hold);
    }
  }
  return findings;
}

function describe({ id, token, believed }: Believer): string {
  return `${id} (token ${token}, ${believed.from.toFixed(1)} to ${believed.to.toFixed(1)})`;
}
