import { groupBy, type Finding, type History } from '../history.js';

/**
 * More than any trouble lasts, with the leases and reconnections after it, in ms. No fault here
 * keeps a worker from its locks for more than five seconds.
 */
const RECOVERY = 12_000;

/** Workers that lived and asked, and for long got no lock at all: told "unavailable" for ever. */
export function findIdleWorkers({ attempts, deaths, end }: History): Finding[] {
  const died = new Map(deaths.map((death) => [death.worker, death.at]));
  const findings: Finding[] = [];
  for (const [worker, ofWorker] of groupBy(attempts, (attempt) => attempt.worker)) {
    const granted = ofWorker.flatMap(({ outcome, answered }) =>
      outcome === 'granted' && answered !== undefined ? [answered] : [],
    );
    const first = Math.min(...ofWorker.slice(0, 1).map((attempt) => attempt.asked));
    let last = first;
    for (const at of [...granted.sort((a, b) => a - b), died.get(worker) ?? end]) {
      if (at - last > RECOVERY) {
        const text = `${worker} got no lock for ${Math.round(at - last)} ms`;
        findings.push({ kind: 'not recovered', at: last, text });
      }
      last = at;
    }
  }
  return findings;
}
