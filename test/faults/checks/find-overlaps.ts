import { byKey, intersects, type Attempt, type Finding, type History } from '../history.js';
import { only } from './grant-order.js';

type Believer = Attempt & { believed: NonNullable<Attempt['believed']> };

/** Pairs of holds of one key that both certainly believed at one moment. */
export function findOverlaps({ attempts, disturbances }: History): Finding[] {
  const losses = only(disturbances, 'data lost');
  const findings: Finding[] = [];
  const believers = attempts.filter(
    (attempt): attempt is Believer =>
      attempt.believed !== undefined && attempt.believed.to > attempt.believed.from,
  );
  for (const [key, holds] of byKey(believers)) {
    holds.sort((a, b) => a.believed.from - b.believed.from);
    let inside: Believer[] = [];
    for (const hold of holds) {
      const at = hold.believed.from;
      inside = inside.filter((other) => other.believed.to > at);
      for (const other of inside) {
        const lost = losses.some((loss) => intersects(loss, Math.min(hold.asked, other.asked), at));
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
  return `${id} (token ${token ?? '?'}, ${believed.from.toFixed(1)} to ${believed.to.toFixed(1)})`;
}
