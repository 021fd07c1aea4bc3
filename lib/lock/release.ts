import type { ReleaseListener } from '../stores/lock-store.js';
import { defer } from '../deferred.js';
import { lockEvents } from './lock-events.js';
import type { Lock } from './lock.js';
import { storeError } from './lock.errors.js';

/** A lock on its way back to its store, and the promise of the answer. */
export class Release implements ReleaseListener {
  /** Where the answer is known at once: it was ours, or it was lost. */
  static readonly done = Promise.resolve(true);
  static readonly lost = Promise.resolve(false);
  /** Of a lock that nobody believes in any more: whatever the answer is, nobody asked. */
  static readonly unheard: ReleaseListener = { released: () => undefined, failed: () => undefined };

  private readonly deferred = defer<boolean>();

  constructor(private readonly lock: Lock) {}

  get answer(): Promise<boolean> {
    return this.deferred.promise;
  }

  released(ours: boolean): void {
    const { lock } = this;
    if (!ours) {
      lock.lease.lose('when it was released, the store had no memory of it', undefined, [lock]);
    }
    this.deferred.resolve(ours);
  }

  failed(error: Error): void {
    const { lock } = this;
    // Who does not wait for the answer is not to be brought down by it.
    this.answer.catch(() => undefined);
    lock.lease.teller.tell(lockEvents.releaseFailed, lock, { error });
    this.deferred.reject(storeError(lock.key, error));
  }
}
