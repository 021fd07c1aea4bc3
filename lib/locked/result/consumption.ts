import { DEFAULT_MAX_HOLD_TIME } from '../../lock/lock-options.js';
import { LockLostError } from '../../lock/lock.errors.js';

/**
 * The wait for somebody to consume a result. One that nobody wants would hold its lock for ever; it
 * is given back after as long as the lock of a forgotten handle is.
 */
export class Consumption {
  /** Set when the wait was in vain. */
  failure: LockLostError | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly key: string,
    private readonly where: string,
  ) {}

  /** Calls `giveBack` when `begin` is not called in time. */
  expect(giveBack: (failure: LockLostError) => void): void {
    this.timer = setTimeout(() => {
      const reason = `nobody consumed the result of ${this.where} for ${DEFAULT_MAX_HOLD_TIME} ms`;
      this.failure = new LockLostError(this.key, 0, reason);
      giveBack(this.failure);
    }, DEFAULT_MAX_HOLD_TIME).unref();
  }

  /** Somebody has come. */
  begin(): void {
    clearTimeout(this.timer);
  }
}
