import {
  byKey,
  modeOf,
  type Attempt,
  type Death,
  type Finding,
  type History,
  type Sighting,
  type Span,
} from '../history.js';
import { tokenRange } from '../modes.js';
import { heldUp, steppedBack } from './grant-order.js';

/** For the observer's own steps and a slow machine, in ms. */
const TOLERANCE = 300;

/** Holders that stood in Redis, with no hold under their tokens to show for it, for more than a lease. */
export function findOrphans(history: History): Finding[] {
  const attempts = byKey(history.attempts);
  const inside = new Map<string, Inside[]>();
  for (const [key, ofKey] of attempts) inside.set(key, insides(ofKey, history.deaths));
  const leases = new Map<string, number>();
  for (const { key, leaseTime } of history.attempts) {
    leases.set(key, Math.max(leases.get(key) ?? 0, leaseTime));
  }
  const findings: Finding[] = [];
  for (const sighting of history.sightings) {
    const lease = leases.get(sighting.key) ?? 0;
    if (sighting.to - sighting.from <= lease) continue;
    const longest = longestUncovered(
      sighting,
      (inside.get(sighting.key) ?? []).filter((one) => isOf(sighting, one)),
    );
    const stepped = steppedBack(history.disturbances, sighting.from, sighting.to);
    const late = heldUp(history.disturbances, sighting.from, sighting.to);
    const limit = lease + TOLERANCE + stepped + late;
    if (longest.to - longest.from <= limit) continue;
    findings.push({
      kind: 'orphan',
      at: longest.from,
      text: `${sighting.key}: ${sighting.value} stood for ${Math.round(longest.to - longest.from)} ms with nobody inside; the lease is ${lease}`,
    });
  }
  return findings;
}

/** From when to when somebody was inside, and under which tokens; undefined where that is not known. */
export interface Inside extends Span {
  readonly tokens?: { readonly from: number; readonly to: number };
}

/**
 * From when to when each holder was inside: to its leave, or, if it lost the lock or died, to the
 * last that was heard of it; to the answer, if it left the lock to others. Some may be it before they
 * are told so, if they are.
 */
export function insides(attempts: readonly Attempt[], deaths: readonly Death[]): Inside[] {
  const died = new Map(deaths.map((death) => [death.worker, death.at]));
  const spans: Inside[] = [];
  for (const attempt of attempts) {
    const { asked, answered, outcome, early, token, lost, lastSign } = attempt;
    const death = died.get(attempt.worker);
    if (early) spans.push({ from: asked, to: answered ?? death ?? asked });
    if (outcome !== 'granted' || answered === undefined) continue;
    const left = attempt.handOff?.at ?? attempt.left;
    const last = left ?? (lost ? undefined : death) ?? lastSign ?? answered;
    const range = tokenRange(modeOf(attempt));
    spans.push({
      from: answered,
      to: Math.max(answered, last),
      ...(token !== undefined && { tokens: { from: token - range, to: token } }),
    });
  }
  return spans.sort((a, b) => a.from - b.from);
}

/** Whether a hold may have been through the lease that was seen. */
function isOf({ value }: Sighting, { tokens }: Inside): boolean {
  const token = Number(value.split(' ').at(-1));
  return !tokens || Number.isNaN(token) || (tokens.from <= token && token <= tokens.to);
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
