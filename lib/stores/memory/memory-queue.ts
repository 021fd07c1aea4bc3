import type { MemoryAttempt } from './memory-attempt.js';

/** The waiters of one key in order of arrival, linked to each other: leaving costs the same at every place. */
export class MemoryQueue {
  length = 0;
  head: MemoryAttempt | undefined;
  private tail: MemoryAttempt | undefined;

  push(attempt: MemoryAttempt): void {
    attempt.before = this.tail;
    if (this.tail === undefined) this.head = attempt;
    else this.tail.behind = attempt;
    this.tail = attempt;
    this.length += 1;
  }

  remove(attempt: MemoryAttempt): void {
    const { before, behind } = attempt;
    if (before === undefined) this.head = behind;
    else before.behind = behind;
    if (behind === undefined) this.tail = before;
    else behind.before = before;
    attempt.before = undefined;
    attempt.behind = undefined;
    this.length -= 1;
  }
}
