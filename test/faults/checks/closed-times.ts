import { byKey, type Attempt, type Disturbance, type History, type Span } from '../history.js';
import { endOfLease } from './grant-order.js';
import { insides } from './find-orphans.js';

/**
 * The times in which somebody waited for a key and nobody was inside: how long it was closed. A key whose
 * ticket is on its way is not: whoever left it said for how long.
 */
export function closedTimes({
  attempts,
  deaths,
  disturbances,
  end,
}: History): (Span & { key: string })[] {
  const closed: (Span & { key: string })[] = [];
  for (const [key, ofKey] of byKey(attempts)) {
    const died = new Map(deaths.map((death) => [death.worker, death.at]));
    const waits = union(
      ofKey.map((attempt) => ({ from: attempt.asked, to: endOfWait(attempt, died) ?? end })),
    );
    const inside = union([...insides(ofKey, deaths), ...onTheirWay(ofKey, disturbances)]);
    let next = 0;
    for (const wait of waits) {
      let { from } = wait;
      while (next < inside.length && inside[next]!.to < from) next += 1;
      for (let i = next; i < inside.length && inside[i]!.from < wait.to; i += 1) {
        if (inside[i]!.from > from) closed.push({ key, from, to: inside[i]!.from });
        from = Math.max(from, inside[i]!.to);
      }
      if (wait.to > from) closed.push({ key, from, to: wait.to });
    }
  }
  return closed;
}

/** From when to when a ticket was in nobody's hands. */
function onTheirWay(attempts: readonly Attempt[], disturbances: readonly Disturbance[]): Span[] {
  const claims = new Map<string, number>();
  for (const { ticketOf, outcome, answered } of attempts) {
    if (ticketOf !== undefined && outcome === 'granted') claims.set(ticketOf, answered ?? Infinity);
  }
  return attempts.flatMap(({ id, handOff, leaseTime }) => {
    if (!handOff?.isDone) return [];
    const from = handOff.at;
    const end = endOfLease(disturbances, from, leaseTime);
    return [{ from, to: Math.min(claims.get(id) ?? Infinity, end) }];
  });
}

function endOfWait(attempt: Attempt, died: ReadonlyMap<string, number>): number | undefined {
  return attempt.answered ?? died.get(attempt.worker);
}

/** Joins what touches. */
function union(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else joined.push({ ...span });
  }
  return joined;
}
