import { AsyncLocalStorage } from 'node:async_hooks';
import { LockUsageError, type LockLostError } from '../lock/lock.errors.js';
import type { Lock } from '../lock/lock.js';
import { outside } from '../outside.js';

const terms = new AsyncLocalStorage<LeaderTerm>();

/**
 * One time of leading, from the election to the loss or the stepping down. A process that is elected
 * again has another term.
 */
export class LeaderTerm {
  /** What the leader was elected for. */
  readonly key: string;
  /**
   * The fencing token: larger than that of every earlier leader. A resource that refuses a smaller one
   * than it has seen is safe even from a leader that slept through its lease.
   */
  readonly token: number;
  /** Since when, in ms since the epoch. */
  readonly sinceEpochMs: number;

  private readonly controller = new AbortController();
  private loss: LockLostError | undefined;

  /** @internal */
  constructor(
    private readonly lock: Lock,
    sinceEpochMs: number,
  ) {
    this.key = lock.key;
    this.token = lock.token;
    this.sinceEpochMs = sinceEpochMs;
  }

  /**
   * Aborts, with a `LockLostError` that says why, when the term ends: before another process can be
   * leader. Hand it to whatever the leader's work waits for.
   */
  get signal(): AbortSignal {
    this.isHeld();
    return this.controller.signal;
  }

  /** Why the term ended, if it was lost. Undefined as long as it lasts, and when it was given up. */
  get lost(): LockLostError | undefined {
    this.isHeld();
    return this.loss;
  }

  /** Whether this process is leader in this term, by both of its clocks, right now. */
  isHeld(): boolean {
    return !this.controller.signal.aborted && this.lock.isHeld();
  }

  /**
   * Does nothing while the term lasts.
   * @throws LockLostError when it was lost or given up
   */
  assertHeld(): void {
    if (!this.isHeld()) throw this.signal.reason as LockLostError;
  }

  /** @internal */
  end(reason: LockLostError, isLoss: boolean): void {
    if (isLoss) this.loss = reason;
    outside(() => this.controller.abort(reason));
  }

  /** Runs `work` so that it finds this term. @internal */
  run<T>(work: () => T): T {
    return terms.run(this, work);
  }
}

/**
 * The term that the running code was started in: the innermost.
 *
 * @throws LockUsageError outside of `ifLeader` and of a method with `@LeaderOnly`
 * @example
 * ```ts
 * @Cron('0 * * * *')
 * @LeaderOnly()
 * async hourly() {
 *   const { signal, token } = currentTerm();
 *   for (const report of await this.due({ signal })) await this.write(report, { fence: token });
 * }
 * ```
 */
export function currentTerm(): LeaderTerm {
  const term = terms.getStore();
  if (term) return term;
  throw new LockUsageError(
    'currentTerm() was called outside of a term: call it inside `ifLeader` or a method with @LeaderOnly',
  );
}
