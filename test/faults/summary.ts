import { groupBy, modeOf, type Attempt, type History } from './history.js';
import { nameOf } from './modes.js';

/** What was held, in which modes, and what became of tickets: a check of what did not happen shows nothing. */
export function summarize({ attempts }: History): string {
  const held = attempts.filter(({ outcome }) => outcome === 'granted');
  const byMode = [...groupBy(held, (attempt) => nameOf(modeOf(attempt)))].map(
    ([name, { length }]) => `${length} ${name}`,
  );
  const left = held.filter(({ handOff }) => handOff?.isDone);
  const claims = attempts.filter(({ ticketOf }) => ticketOf !== undefined);
  return [
    `Held: ${byMode.join(', ')}; ${count(held, ({ early, ticketOf, mode }) => early === true && ticketOf === undefined && mode !== undefined)} together with others or downgraded.`,
    `Tickets: ${left.length} left, ${count(claims, ({ outcome }) => outcome === 'granted')} resumed, ${count(claims, ({ outcome }) => outcome === 'ended')} refused, ${count(claims, ({ outcome }) => outcome !== 'granted' && outcome !== 'ended')} without an answer.`,
  ].join('\n');
}

function count(attempts: readonly Attempt[], fits: (attempt: Attempt) => boolean): number {
  return attempts.filter(fits).length;
}
