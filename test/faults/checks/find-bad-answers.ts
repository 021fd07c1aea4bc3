import type { Finding, History } from '../history.js';

/** By how much an answer may be later than the caller was willing to wait, in ms. */
const GRACE = 250;

/** Callers answered too late, wrongly, or not at all. */
export function findBadAnswers({ attempts, deaths, end }: History): Finding[] {
  const dead = new Set(deaths.map((death) => death.worker));
  const findings: Finding[] = [];
  for (const attempt of attempts) {
    const { id, key, worker, asked, answered, patience, stalled = 0, outcome } = attempt;
    if (answered === undefined) {
      // The last ones may still be on their way.
      if (!dead.has(worker) && end - asked > patience + 2_000) {
        findings.push({
          kind: 'no answer',
          at: asked,
          text: `${key}: ${id} was willing to wait ${patience} ms and never heard`,
        });
      }
      continue;
    }
    const late = answered - asked - stalled - patience;
    if (late > GRACE) {
      findings.push({
        kind: 'late answer',
        at: answered,
        text: `${key}: ${id} was told "${outcome ?? '?'}" ${Math.round(late)} ms after its ${patience} ms`,
      });
    }
    if (outcome === 'wrong') {
      findings.push({
        kind: 'wrong answer',
        at: answered,
        text: `${key}: ${id} was told ${attempt.note ?? 'something unknown'}`,
      });
    }
  }
  return findings;
}
