import type { Waiter } from './waiter.js';

/** The waiters of one key in order of arrival; joining and leaving cost the same at every place. */
export class WaiterQueue {
  first: Waiter | undefined;
  size = 0;
  private last: Waiter | undefined;

  push(waiter: Waiter): void {
    waiter.previous = this.last;
    if (this.last) this.last.next = waiter;
    else this.first = waiter;
    this.last = waiter;
    this.size += 1;
  }

  shift(): Waiter | undefined {
    const { first } = this;
    if (first) this.remove(first);
    return first;
  }

  remove(waiter: Waiter): void {
    const { next, previous } = waiter;
    if (next) next.previous = previous;
    else this.last = previous;
    if (previous) previous.next = next;
    else this.first = next;
    waiter.next = waiter.previous = undefined;
    this.size -= 1;
  }
}
