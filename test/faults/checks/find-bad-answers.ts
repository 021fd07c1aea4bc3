import { intersects, type Finding, type History } from '../history.js';
import { only } from './grant-order.js';

/**
 * By how much an answer may be later than the caller was willing to wait, in ms: for 200 of it the server
 * may be silent, if nothing is known of the key yet; the rest is for a slow machine.
 */
const GRACE = 450;

/** Callers answered too late, wrongly, or not at all. */
export function findBadAnswers(history: History): Finding[] {
  return [...findLateAnswers(history), ...findMixedAnswers(history)];
}

function findLateAnswers({ attempts, deaths, end }: History): Finding[] {
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

/**
 * Answers that belong to another case: "unavailable" while the server certainly answered, with
 * errors; work that ran unlocked then; "refused" by a server that refuses nothing.
 */
function findMixedAnswers({ attempts, disturbances }: History): Finding[] {
  const refuses = only(disturbances, 'server refuses');
  const mayRefuse = only(disturbances, 'server may refuse');
  const findings: Finding[] = [];
  for (const { key, id, asked, answered, outcome, note } of attempts) {
    if (answered === undefined) continue;
    const isRefusing = refuses.some((span) => span.from <= asked && answered <= span.to);
    const add = (kind: Finding['kind'], what: string): void => {
      findings.push({ kind, at: answered, text: `${key}: ${id} ${what}` });
    };
    if (outcome === 'unavailable' && isRefusing) {
      add('wrong answer', 'was told "unavailable" though the server answered');
    } else if (outcome === 'unlocked' && isRefusing) {
      add('unlocked work', 'ran without a lock though the server answered');
    } else if (
      outcome === 'refused' &&
      !mayRefuse.some((span) => intersects(span, asked, answered))
    ) {
      add('wrong answer', `was refused by a server that refuses nothing: ${note ?? ''}`);
    }
  }
  return findings;
}
