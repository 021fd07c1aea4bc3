import { byKey, type Attempt, type History, type Span } from '../history.js';
import { insides } from './find-orphans.js';

/** The times in which somebody waited for a key and nobody was inside: how long it was closed. */
export function closedTimes({ attempts, deaths, end }: History): (Span & { key: string })[] {
  const closed: (Span & { key: string })[] = [];
  for (const [key, ofKey] of byKey(attempts)) {
    const died = new Map(deaths.map((death) => [death.worker, death.at]));
    const waits = union(
      ofKey.map((attempt) => ({ from: attempt.asked, to: endOfWait(attempt, died) ?? end })),
    );
    const inside = union(insides(ofKey, deaths));
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
