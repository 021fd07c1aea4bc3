import { StoreUnavailableError, type Attempt } from '../../stores/lock-store.js';

/** How long the store has to answer a caller whose own time is up sooner, in ms. */
const LEAST_PATIENCE = 200;

/** When to look again, on the monotonic clock; or that it was busy; or that the store is silent. */
export type WaitVerdict = number | 'busy' | StoreUnavailableError;

/**
 * Whether somebody has waited long enough. Until `deadline` only a store that is silent for
 * `unavailableAfter` ends the wait; then the holder is named if he is known, and the silence if not.
 * @param attempt how the process waits in the store; undefined when it holds the key itself
 */
export function judgeWait(
  attempt: Attempt | undefined,
  deadline: number,
  now: number,
  unavailableAfter: number,
): WaitVerdict {
  const isOver = now >= deadline;
  if (!attempt) return isOver ? 'busy' : Math.min(deadline, now + unavailableAfter);
  const patience = isOver ? Math.min(LEAST_PATIENCE, unavailableAfter) : unavailableAfter;
  const since = attempt.silence?.since ?? now;
  if (now - since >= patience) {
    const reason = `silent for ${Math.round(now - since)} ms`;
    return new StoreUnavailableError(reason, attempt.silence?.cause);
  }
  if (!isOver) return Math.min(deadline, since + patience);
  // Asked for, and not answered yet: who holds it is not known, so "busy" would be a guess.
  return attempt.progress.state === 'unanswered' ? since + patience : 'busy';
}

/** Ms until a new waiter is looked at: in an outage that lasts nobody is to wait for all of it again. */
export function firstLook(waitTime: number, unavailableAfter: number): number {
  return Math.min(waitTime || LEAST_PATIENCE, LEAST_PATIENCE, unavailableAfter);
}
