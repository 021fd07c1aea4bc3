import { byKey, modeOf, type Finding, type History } from '../history.js';
import { isHold, leases, only, type Hold } from './grant-order.js';

/** Holds that certainly spanned a loss of data and ended without a word of it. */
export function findSilentLosses({ attempts, disturbances }: History): Finding[] {
  const losses = only(disturbances, 'data lost').filter((one) => one.cut !== true);
  const findings: Finding[] = [];
  for (const [key, ofKey] of byKey(attempts.filter(isHold))) {
    for (const lease of leases(ofKey)) {
      if (lease.some((hold) => hold.lost)) continue;
      const first = lease[0]!;
      // Whoever has not ended, or was told by its own lock, has nothing to complain of.
      const last = wordOf(lease);
      if (last?.left === undefined || last.told !== false) continue;
      const { left } = last;
      const loss = losses.find((one) => first.answered <= one.from && one.to <= left);
      if (!loss || lease.some((hold) => hold.told && (hold.left ?? 0) >= loss.to)) continue;
      findings.push({
        kind: 'silent loss',
        at: left,
        text: `${key}: ${last.id} (token ${last.token}) ended without a word, though the server forgot its lock ${Math.round(left - loss.to)} ms before`,
      });
    }
  }
  return findings;
}

/** The one that ended a lease, and had the store's word. Of readers it is whoever left last. */
function wordOf(lease: readonly Hold[]): Hold | undefined {
  const isRead = lease.some((hold) => modeOf(hold).kind === 'shared');
  if (!isRead) return lease.at(-1);
  if (lease.some(({ told }) => told === undefined)) return undefined;
  return [...lease].sort((a, b) => (a.left ?? 0) - (b.left ?? 0)).at(-1);
}
