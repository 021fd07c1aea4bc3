import type { Finding, History } from '../history.js';
import { closedTimes } from './closed-times.js';

/** Keys that somebody waited for and nobody was inside of, for longer than is bearable meanwhile. */
export function findClosedKeys(history: History): Finding[] {
  if (history.bounds.length === 0) return [];
  const findings: Finding[] = [];
  for (const closed of closedTimes(history)) {
    for (const { from, to, most, why } of history.bounds) {
      const begin = Math.max(closed.from, from);
      const ms = Math.min(closed.to, to) - begin;
      if (ms <= most) continue;
      findings.push({
        kind: 'closed too long',
        at: begin,
        text: `${closed.key}: closed for ${Math.round(ms)} ms, ${most} at most ${why}`,
      });
    }
  }
  return findings;
}
