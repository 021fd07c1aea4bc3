import { systemClock, type Clock } from '../clock.js';
import type { ListOptions, LockPage, LockState, LockStore } from '../stores/lock-store.js';
import { acquireInOrder } from './acquire-in-order.js';
import { lockEvents, tell } from './lock-events.js';
import { releaseAll } from './lock-list.js';
import {
  LOCK_DEFAULTS,
  checkKey,
  checkLimit,
  type AcquireOptions,
  type LockTask,
  type ScopeOptions,
} from './lock-options.js';
import type { LockServiceOptions } from './lock-service-options.js';
import type { Lock } from './lock.js';
import {
  LockAbortedError,
  LockUnavailableError,
  LockUsageError,
  closedError,
  rethrowAs,
} from './lock.errors.js';
import { KeyQueues } from './queue/key-queues.js';
import { currentFrame, findLock, lockAround, runInLocks } from './queue/lock-context.js';
import {
  abortReason,
  defaultSettings,
  withOptions,
  type AcquireSettings,
  type DefaultSettings,
} from './queue/acquire-settings.js';
import { unlockedLock } from './unlocked-lock.js';

/**
 * Takes locks. Injected wherever `RedisLockModule` is imported.
 *
 * @example
 * ```ts
 * await locks.using('order:42', async (lock) => {
 *   await pay(order, { signal: lock.signal });
 * });
 *
 * await using lock = await locks.acquire('order:42', { waitTime: 500 });
 *
 * const lock = await locks.tryAcquire('order:42'); // null when busy
 * ```
 */
export class LockService {
  private readonly store: LockStore;
  private readonly clock: Clock;
  private readonly queues: KeyQueues;
  private readonly ownsStore: boolean;
  private readonly defaults: DefaultSettings;
  private readonly shutdownTimeout: number;
  private closing: Promise<void> | undefined;

  constructor(options: LockServiceOptions) {
    const { store, clock = systemClock } = options;
    this.store = store;
    this.clock = clock;
    this.ownsStore = options.ownsStore ?? true;
    this.defaults = defaultSettings(options);
    this.shutdownTimeout = options.shutdownTimeout ?? LOCK_DEFAULTS.shutdownTimeout;
    this.queues = new KeyQueues({
      store,
      clock,
      handOver: options.handOver ?? LOCK_DEFAULTS.handOver,
      unavailableAfter: options.unavailableAfter ?? LOCK_DEFAULTS.unavailableAfter,
      maxWaiters: options.maxWaiters ?? LOCK_DEFAULTS.maxWaiters,
    });
  }

  /**
   * Takes the lock on `key`, waiting for it up to `waitTime` ms. End it with `release()`, or with
   * `await using`.
   *
   * Inside `using`, `@Locked` or `lock.run` on the same key it does not wait for itself.
   *
   * @throws LockBusyError when it was not to be had in time
   * @throws LockUnavailableError when the store gave no answer
   * @throws LockRefusedError when the store answered with an error
   * @throws LockAbortedError when `signal` aborted, or the application shuts down
   * @throws LockKeyError, LockUsageError for a bad key or option
   */
  acquire(key: string, options?: AcquireOptions): Promise<Lock> {
    // Only a request that says `orNull` is answered with null.
    return this.ask(key, options, this.defaults.handles) as Promise<Lock>;
  }

  /**
   * Takes the lock on `key` if it is to be had within `waitTime` ms, by default at once: if it is free
   * and nobody waits for it.
   * @returns the lock, or null when it is busy
   * @throws what `acquire` throws, except `LockBusyError`
   *
   * @example
   * ```ts
   * const lock = await locks.tryAcquire('reports:hourly', { waitTime: 200 });
   * if (!lock) return;
   * ```
   */
  tryAcquire(key: string, options?: AcquireOptions): Promise<Lock | null> {
    return this.ask(key, options, this.defaults.tries);
  }

  /**
   * Takes several locks, all or none, in one order whatever order they are named in, so that two
   * callers never wait for each other. `waitTime` is for all of them together.
   * @returns the locks, sorted by key; each key once
   * @throws LockLostError when one was lost while another was waited for, and what `acquire` throws
   */
  acquireAll(keys: readonly string[], options?: AcquireOptions): Promise<Lock[]> {
    return this.askAll(keys, options, this.defaults.handles);
  }

  /**
   * Runs `task` under the lock on `key`, or on all of several, and releases it when the task has
   * ended. The task's error comes out as it is; a task that ended well under a lock that was lost
   * meanwhile rejects with `LockLostError`.
   *
   * @param task gets the lock; of several the one taken last
   * @throws LockLostError, and what `acquire` throws
   * @example
   * ```ts
   * const left = await locks.using(`stock:${sku}`, { waitTime: 2_000 }, () => take(sku));
   * ```
   */
  using<T>(key: string | readonly string[], task: LockTask<T>): Promise<T>;
  using<T>(key: string | readonly string[], options: ScopeOptions, task: LockTask<T>): Promise<T>;
  async using<T>(
    key: string | readonly string[],
    second: ScopeOptions | LockTask<T>,
    third?: LockTask<T>,
  ): Promise<T> {
    const [options, task] = typeof second === 'function' ? [undefined, second] : [second, third];
    if (typeof task !== 'function') {
      throw new LockUsageError('using(key, options, task) was called without a task');
    }
    const locks = await this.enterScope(key, options);
    let result: T;
    try {
      result = await runInLocks(locks, () => task(locks[locks.length - 1] as Lock));
    } catch (error) {
      await releaseAll(locks);
      throw error;
    }
    const lost = await releaseAll(locks);
    if (lost) throw lost;
    return result;
  }

  /**
   * The lock of this service that the running code stands in: the innermost, or that on `key`.
   * @throws LockUsageError outside of `using`, `@Locked` and `lock.run`
   */
  currentLock(key?: string): Lock {
    return lockAround(key, this.store);
  }

  /**
   * Who holds `key`, since when, and how many wait for it in the store.
   * @throws LockUnavailableError, LockRefusedError as `acquire`
   */
  async inspect(key: string): Promise<LockState> {
    checkKey(key);
    return this.store.inspect(key).catch(rethrowAs(key));
  }

  /**
   * The keys that are held or waited for, page by page, for dashboards and operators.
   * @throws LockUnavailableError, LockRefusedError as `acquire`
   *
   * @example
   * ```ts
   * const { locks: held, cursor } = await locks.list({ prefix: 'order:' });
   * for (const { key, holders } of held) console.log(key, holders);
   * ```
   */
  async list(options: ListOptions = {}): Promise<LockPage> {
    const { prefix = '', limit = 100 } = options;
    checkLimit(limit);
    return this.store.list({ ...options, prefix, limit }).catch(rethrowAs(prefix));
  }

  /**
   * Takes the lock on `key` from whoever holds it, for operators: its holders learn that they lost
   * it with their next renewal, and the next who waits has it at once.
   * @returns whether anybody held it
   * @throws LockUnavailableError, LockRefusedError as `acquire`
   */
  async forceRelease(key: string): Promise<boolean> {
    checkKey(key);
    return this.store.forceRelease(key).catch(rethrowAs(key));
  }

  /** Nest calls this when HTTP has drained. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /**
   * No new locks; waiters are rejected; running holders are renewed until they end or
   * `shutdownTimeout` has passed, then their signals abort and the keys are given back.
   */
  close(): Promise<void> {
    return (this.closing ??= this.shutDown());
  }

  private async shutDown(): Promise<void> {
    this.queues.rejectAll(closedError);
    await this.queues.idle(this.shutdownTimeout);
    this.queues.loseAll('the application has shut down');
    this.queues.stop();
    if (this.ownsStore) await this.store.close();
  }

  /** The locks for a scope, whose end is sure: they are renewed as long as it runs. */
  private async enterScope(
    key: string | readonly string[],
    options: ScopeOptions | undefined,
  ): Promise<readonly Lock[]> {
    try {
      if (typeof key !== 'string') return await this.askAll(key, options, this.defaults.scopes);
      return [(await this.ask(key, options, this.defaults.scopes)) as Lock];
    } catch (error) {
      if (options?.whenUnavailable !== 'proceed' || !(error instanceof LockUnavailableError)) {
        throw error;
      }
      return [key].flat().map((one) => {
        tell(lockEvents.proceedUnlocked, { key: one, error });
        return unlockedLock(one, this.store, this.clock);
      });
    }
  }

  private askAll(
    keys: readonly string[],
    options: AcquireOptions | undefined,
    defaults: AcquireSettings,
  ): Promise<Lock[]> {
    const waitTime = options?.waitTime ?? defaults.waitTime;
    return acquireInOrder(keys, waitTime, this.clock, (key, left) => {
      return this.ask(key, { ...options, waitTime: left }, defaults) as Promise<Lock>;
    });
  }

  private ask(
    key: string,
    options: ScopeOptions | undefined,
    defaults: AcquireSettings,
  ): Promise<Lock | null> {
    try {
      checkKey(key);
      const settings = options ? withOptions(defaults, options) : defaults;
      const { signal } = settings;
      if (signal?.aborted === true) {
        throw new LockAbortedError(key, abortReason(signal), signal.reason);
      }
      if (lockEvents.start.hasSubscribers) tell(lockEvents.start, { key });
      const frame = currentFrame();
      const around = frame && findLock(frame, this.store, key);
      if (this.closing && !around) throw closedError(key);
      return this.queues.enter(key, settings, frame, around);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it was thrown as it is
      return Promise.reject(error);
    }
  }
}
