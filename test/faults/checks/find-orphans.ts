import {
  byKey,
  intersects,
  type Attempt,
  type Death,
  type Finding,
  type History,
  type Sighting,
  type Span,
} from '../history.js';
import { only } from './grant-order.js';

/** For the observer's own steps and a slow machine, in ms. */
const TOLERANCE = 300;

/** Keys that stood in Redis with one value, and no hold to show for it, for more than a lease. */
export function findOrphans(history: History): Finding[] {
  const steps = only(history.disturbances, 'server clock back');
  const attempts = byKey(history.attempts);
  const inside = new Map<string, Span[]>();
  for (const [key, ofKey] of attempts) inside.set(key, insides(ofKey, history.deaths));
  const leases = new Map<string, number>();
  for (const { key, leaseTime } of history.attempts) {
    leases.set(key, Math.max(leases.get(key) ?? 0, leaseTime));
  }
  const findings: Finding[] = [];
  for (const sighting of history.sightings) {
    const lease = leases.get(sighting.key) ?? 0;
    if (sighting.to - sighting.from <= lease) continue;
    const longest = longestUncovered(sighting, inside.get(sighting.key) ?? []);
    // A clock that is stepped back lengthens every lease on it by as much.
    const stepped = steps
      .filter((step) => intersects(step, sighting.from, sighting.to))
      .reduce((sum, step) => sum + (step.by ?? 0), 0);
    const limit = lease + TOLERANCE + stepped;
    if (longest.to - longest.from <= limit) continue;
    findings.push({
      kind: 'orphan',
      at: longest.from,
      text: `${sighting.key}: ${sighting.value} stood for ${Math.round(longest.to - longest.from)} ms with nobody inside; the lease is ${lease}`,
    });
  }
  return findings;
}

/**
 * From when to when each holder was inside: to its leave, or, if it lost the lock or died, to the
 * last that was heard of it. Of several keys asked for together some may be held at once.
 */
export function insides(attempts: readonly Attempt[], deaths: readonly Death[]): Span[] {
  const died = new Map(deaths.map((death) => [death.worker, death.at]));
  const spans: Span[] = [];
  for (const { asked, answered, outcome, several, left, lost, lastSign, worker } of attempts) {
    const death = died.get(worker);
    if (outcome === 'granted' && answered !== undefined) {
      const last = left ?? (lost ? undefined : death) ?? lastSign ?? answered;
      spans.push({ from: several ? asked : answered, to: Math.max(answered, last) });
    } else if (several) spans.push({ from: asked, to: answered ?? death ?? asked });
  }
  return spans.sort((a, b) => a.from - b.from);
}

function longestUncovered(sighting: Sighting, inside: readonly Span[]): Span {
  let longest: Span = { from: sighting.from, to: sighting.from };
  let from = sighting.from;
  const look = (to: number): void => {
    if (to - from > longest.to - longest.from) longest = { from, to };
  };
  for (const span of inside) {
    if (span.to < sighting.from) continue;
    if (span.from > sighting.to) break;
    look(span.from);
    from = Math.max(from, span.to);
  }
  look(sighting.to);
  return longest;
}
