import type { Instant } from '../../../clock.js';

/** Who asked Redis something, and is told. */
export interface Answer {
  /** The reply, the moment before it was asked for, and whether it may have been asked for twice. */
  settle(reply: unknown, sent: Instant, repeated: boolean): void;
  /** The server's answer is this error. */
  refused(error: Error): void;
  /**
   * There is no answer. `final` when none will come to this entry. Otherwise Redis is silent, this may
   * be told again, and a late reply still reaches `settle`.
   */
  unanswered(error: Error, final: boolean): void;
}

/** One lock operation on its way to Redis. */
export interface Entry {
  /** The lock's key, as the client is to name it. */
  readonly lock: string;
  /** The operation and its words, as the script reads them. */
  readonly words: string;
  readonly answer: Answer;
  /** What the same owner asked before: it is answered first. */
  after: Entry | undefined;
  /** What it has in common with those that it is to travel with. */
  readonly together: object | undefined;
  /** Where it is; one that is dropped while it is queued is never sent. */
  stage: 'queued' | 'sent' | 'answered' | 'dropped';
}

export function newEntry(
  lock: string,
  words: string,
  after: Entry | undefined,
  answer: Answer,
  together?: object,
): Entry {
  // What was answered is forgotten: the renewals of a lock must not keep each other.
  const before = after && isUnderWay(after) ? after : undefined;
  return { lock, words, answer, after: before, together, stage: 'queued' };
}

/** Whether it has still to be answered. */
export function isUnderWay({ stage }: Entry): boolean {
  return stage === 'queued' || stage === 'sent';
}
