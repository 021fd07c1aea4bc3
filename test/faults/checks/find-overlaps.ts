import { byKey, intersects, modeOf, type Attempt, type Finding, type History } from '../history.js';
import { areTooMany, exclude, nameOf } from '../modes.js';
import { firstOfLease, isHold, only, type Hold } from './grant-order.js';

type Believer = Hold & { believed: NonNullable<Attempt['believed']> };

/**
 * Holds of one key that certainly believed at one moment and must not: two that exclude each other, or
 * more permits than there are. Allowed are those whose leases the server may have forgotten. A lease
 * begins with the first that held through it: who is handed one over inside its process asks the
 * server nothing, and may have come after the loss.
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
  /** Whether at that moment the server may have forgotten a hold. */
  const mayBeForgotten = (hold: Hold, at: number): boolean => {
    const begun = (firsts.get(hold) ?? hold).asked;
    return losses.some((loss) => intersects(loss, begun, at));
  };
  for (const [key, holds] of byKey(believers)) {
    holds.sort((a, b) => a.believed.from - b.believed.from);
    let inside: Believer[] = [];
    const find = (kind: Finding['kind'], hold: Believer, others: Believer[], isAllowed: boolean) =>
      findings.push({
        kind,
        at: hold.believed.from,
        text: `${key}: ${[...others, hold].map(describe).join(' and ')}`,
        ...(isAllowed && { allowed: 'the server had lost its data' }),
      });
    for (const hold of holds) {
      const at = hold.believed.from;
      const isForgotten = mayBeForgotten(hold, at);
      inside = inside.filter((other) => other.believed.to > at);
      for (const other of inside) {
        if (!exclude(modeOf(other), modeOf(hold))) continue;
        find('overlap', hold, [other], isForgotten || mayBeForgotten(other, at));
      }
      if (areTooMany([...inside, hold].map(modeOf))) {
        const known = [...inside, hold].filter((one) => !mayBeForgotten(one, at));
        find('over the limit', hold, inside, isForgotten || !areTooMany(known.map(modeOf)));
      }
      inside.push(hold);
    }
  }
  return findings;
}

function describe(hold: Believer): string {
  const { id, token, believed } = hold;
  return `${id} (${nameOf(modeOf(hold))}, token ${token}, ${believed.from.toFixed(1)} to ${believed.to.toFixed(1)})`;
}
