import { byKey, type Finding, type History } from '../history.js';
import { isHold, leases, only } from './grant-order.js';

/** Holds that certainly spanned a loss of data and ended without a word of it. */
export function findSilentLosses({ attempts, disturbances }: History): Finding[] {
  const losses = only(disturbances, 'data lost').filter((one) => one.cut !== true);
  const findings: Finding[] = [];
  for (const [key, ofKey] of byKey(attempts.filter(isHold))) {
    for (const lease of leases(ofKey)) {
      const [first, last] = [lease[0]!, lease.at(-1)!];
      const { left, told } = last;
      // Whoever has not ended, or was told by its own lock, has nothing to complain of.
      if (left === undefined || told !== false || lease.some((hold) => hold.lost)) continue;
      const loss = losses.find((one) => first.answered <= one.from && one.to <= left);
      if (!loss) continue;
      findings.push({
        kind: 'silent loss',
        at: left,
        text: `${key}: ${last.id} (token ${last.token}) ended without a word, though the server forgot its lock ${Math.round(left - loss.to)} ms before`,
      });
    }
  }
  return findings;
}
