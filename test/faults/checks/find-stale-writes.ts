import { byKey, modeOf, type Finding, type History } from '../history.js';
import { exclude } from '../modes.js';
import { certainlyBefore, isHold, only, type Hold } from './grant-order.js';

/** Writes that the resource accepted from a hold after those of one that was granted later. */
export function findStaleWrites(history: History): Finding[] {
  const losses = only(history.disturbances, 'data lost');
  const holds = new Map<string, Hold>();
  for (const attempt of history.attempts) if (isHold(attempt)) holds.set(attempt.id, attempt);
  const findings: Finding[] = [];
  for (const [key, series] of byKey(history.acceptances)) {
    series.sort((a, b) => a.from - b.from);
    const seen: Hold[] = [];
    for (const { attempt, from } of series) {
      const hold = holds.get(attempt);
      if (!hold) continue;
      // Whoever is overtaken is so within a wait and a lease: nobody looks further back.
      const overtaker = seen
        .slice(-64)
        .find(
          (other) =>
            other !== hold &&
            exclude(modeOf(hold), modeOf(other)) &&
            certainlyBefore(hold, other, losses),
        );
      if (overtaker) {
        findings.push({
          kind: 'stale write accepted',
          at: from,
          text: `${key}: of ${hold.id} (token ${hold.token}) after one of ${overtaker.id} (token ${overtaker.token})`,
        });
      }
      seen.push(hold);
    }
  }
  return findings;
}
