import { lossOf } from '../../lock/lock-list.js';
import type { ScopeOptions } from '../../lock/lock-options.js';
import type { LockService } from '../../lock/lock.service.js';
import { LockSet, locksOf } from '../../lock/lock-set.js';
import { Lock } from '../../lock/lock.js';
import { LockUsageError, type LockLostError } from '../../lock/lock.errors.js';

/** All that `@Locked` needs of the service: a test may put a plain object with `using` in its place. */
export type Using = Pick<LockService, 'using'>;

/** The locks around a result that goes on after its method has returned. */
export interface ResultHold {
  /** The loss of one of the locks, as far as this process can tell now. */
  readonly lost: LockLostError | undefined;
  /** Runs a piece of the work inside the locks. */
  run<T>(work: () => T): T;
  /** Calls `listener` when one of the locks is lost before the end. */
  onLost(listener: (error: Error) => void): void;
  /**
   * The result has ended. Resolves when whoever waits for it may go on; undefined when that is at once.
   * @throws LockLostError when the locks were given back and one of them had been lost
   */
  end(): Promise<void> | undefined;
}

/** A task of `using` that stays open until it is told to end. */
export class ResultScope implements ResultHold {
  /** For the task to wait for. */
  readonly ended: Promise<void>;
  private close!: () => void;
  /** The locks; none where the service of a test gave none. */
  private readonly locks: readonly Lock[];

  /**
   * @param lock what the task was given
   * @param whole the promise of `using`; not before the task has returned
   */
  constructor(
    lock: unknown,
    private readonly whole: () => Promise<unknown>,
  ) {
    this.locks = lock instanceof Lock || lock instanceof LockSet ? locksOf(lock) : [];
    this.ended = new Promise((resolve) => {
      this.close = resolve;
    });
  }

  /** Takes the locks. Rejects as `using` does when they cannot be had. */
  static open(
    service: Using,
    key: string | readonly string[],
    options: ScopeOptions,
  ): Promise<ResultScope> {
    return new Promise((resolve, reject) => {
      const whole: Promise<unknown> = Promise.resolve(
        service.using(key, options, (lock) => {
          const scope = new ResultScope(lock, () => whole);
          resolve(scope);
          return scope.ended;
        }),
      );
      const unrun = new LockUsageError('the LockService ended `using` without running its task');
      whole.then(() => {
        reject(unrun);
      }, reject);
    });
  }

  get lost(): LockLostError | undefined {
    return lossOf(this.locks);
  }

  run<T>(work: () => T): T {
    const [lock] = this.locks;
    return lock ? lock.run(work) : work();
  }

  onLost(listener: (error: Error) => void): void {
    for (const { signal } of this.locks) {
      const onAbort = (): void => {
        listener(signal.reason as LockLostError);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    }
  }

  async end(): Promise<void> {
    this.close();
    await this.whole();
  }
}

/** Ends a hold whose work has failed, or whose result nobody wants: its loss is no news. */
export async function endQuietly(hold: Pick<ResultHold, 'end'>): Promise<void> {
  await hold.end()?.catch(() => undefined);
}
