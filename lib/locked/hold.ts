import { runInLocks } from '../lock/lock-context.js';
import type { Lock } from '../lock/lock.js';
import { lossOf } from '../lock/lock-list.js';
import type { LockLostError } from '../lock/lock.errors.js';

/** Locks held for a result that goes on after the method has returned: a stream of values. */
export class Hold {
  private over = false;
  private ending: Promise<void> | undefined;

  constructor(
    private readonly locks: readonly Lock[],
    private readonly giveBack: () => Promise<void> | undefined,
  ) {}

  get lost(): LockLostError | undefined {
    return lossOf(this.locks);
  }

  /** Runs a piece of the work inside the locks. */
  run<T>(work: () => T): T {
    return runInLocks(this.locks, work);
  }

  /** Ends the hold, once; undefined when there is nothing to wait for. */
  end(): Promise<void> | undefined {
    if (!this.over) {
      this.over = true;
      this.ending = this.giveBack();
    }
    return this.ending;
  }
}

/** Goes on after `pending`, at once when nothing is pending. */
export function after(pending: Promise<void> | undefined, next: () => void): void {
  if (pending) void pending.then(next);
  else next();
}
