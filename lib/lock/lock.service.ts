import { systemClock } from '../clock.js';
import type { ListOptions, LockPage, LockState, LockStore } from '../stores/lock-store.js';
import { Acquirer } from './acquirer.js';
import { checkCount, checkKey } from './checks.js';
import type { LockKeys } from './key-list.js';
import { releaseAll } from './lock-list.js';
import {
  LOCK_DEFAULTS,
  type AcquireOptions,
  type LockTask,
  type ResumeOptions,
  type ScopeOptions,
} from './lock-options.js';
import type { LockServiceOptions } from './lock-service-options.js';
import { locksOf, type Held, type LockSet } from './lock-set.js';
import type { Lock } from './lock.js';
import { LockUsageError, closedError, rethrowAs } from './lock.errors.js';
import { defaultSettings } from './queue/acquire-settings.js';
import { KeyQueues } from './queue/key-queues.js';
import { lockAround, runInLocks } from './queue/lock-context.js';
import { Transactions } from './transactions.js';

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
  private readonly queues: KeyQueues;
  private readonly acquirer: Acquirer;
  private readonly ownsStore: boolean;
  private readonly shutdownTimeout: number;
  private closing: Promise<void> | undefined;

  constructor(options: LockServiceOptions) {
    const { store, clock = systemClock } = options;
    this.store = store;
    this.ownsStore = options.ownsStore ?? true;
    this.shutdownTimeout = options.shutdownTimeout ?? LOCK_DEFAULTS.shutdownTimeout;
    this.queues = new KeyQueues({
      store,
      clock,
      handOver: options.handOver ?? LOCK_DEFAULTS.handOver,
      unavailableAfter: options.unavailableAfter ?? LOCK_DEFAULTS.unavailableAfter,
      maxWaiters: options.maxWaiters ?? LOCK_DEFAULTS.maxWaiters,
    });
    const transactions = new Transactions({
      transactions: options.transactions ?? [],
      handler: options.handler,
      lostUnheard: options.lostUnheard ?? (() => undefined),
    });
    const defaults = defaultSettings(options);
    this.acquirer = new Acquirer(store, clock, this.queues, defaults, transactions);
  }

  /**
   * Takes the lock on `key`, waiting for it up to `waitTime` ms. End it with `release()`, or with
   * `await using`.
   *
   * Inside `using`, `@Locked` or `lock.run` on the same key it does not wait for itself. In a
   * transaction that the module knows of, the key is kept beyond `release()`, until that has ended.
   *
   * @throws LockBusyError when it was not to be had in time
   * @throws LockUnavailableError when the store gave no answer
   * @throws LockRefusedError when the store answered with an error
   * @throws LockAbortedError when `signal` aborted, or the application shuts down
   * @throws LockKeyError, LockUsageError for a bad key or option
   */
  acquire(key: string, options?: AcquireOptions): Promise<Lock> {
    // Only who tries is answered with null.
    return this.acquirer.one(key, options, 'handles') as Promise<Lock>;
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
    return this.acquirer.one(key, options, 'tries');
  }

  /**
   * Goes on with a lock that its holder left by `lock.handOff()`, in this process or another. Its token
   * is larger than that of the holder before.
   * @param ticket what `handOff` returned; good for one resumption
   * @param options the lease, and for how long it may be held at most
   * @throws LockTicketError when its lock has ended or was resumed already, and for a ticket that is
   * foreign or not whole
   * @throws LockUnavailableError, LockRefusedError, LockUsageError as `acquire`
   *
   * @example
   * ```ts
   * await using lock = await locks.resume(job.data.ticket);
   * await lock.run(() => this.exports.finish(job.data.id));
   * ```
   */
  resume(ticket: string, options: ResumeOptions = {}): Promise<Lock> {
    return this.acquirer.resume(ticket, options);
  }

  /**
   * Takes several locks, all or none, in whatever order they are named: those that are free in one go,
   * the others in one order, so that two callers never wait for each other. `waitTime` is for all of
   * them together.
   * @param keys a list, or an object with the mode of each key: see `LockKeys`
   * @returns one handle for all
   * @throws LockLostError when one was lost while another was waited for, and what `acquire` throws
   *
   * @example
   * ```ts
   * await using both = await locks.acquireAll(['account:1', 'account:2']);
   * await using mixed = await locks.acquireAll({ 'account:1': 'exclusive', rates: 'shared' });
   * ```
   */
  acquireAll(keys: LockKeys, options?: AcquireOptions): Promise<LockSet> {
    return this.acquirer.all(keys, options);
  }

  /**
   * Runs `task` under the lock on `key`, or on all of several, and releases it when the task has
   * ended, or in a transaction that the module knows of when that has ended. The task's error comes out as it is; a task that ended well under a lock that was lost
   * meanwhile rejects with `LockLostError`.
   *
   * @param task gets the lock, or the set of them
   * @throws LockLostError, and what `acquire` throws
   * @example
   * ```ts
   * const left = await locks.using(`stock:${sku}`, { waitTime: 2_000 }, () => take(sku));
   * ```
   */
  using<T>(key: string, task: LockTask<T>): Promise<T>;
  using<T>(key: string, options: ScopeOptions, task: LockTask<T>): Promise<T>;
  using<T>(keys: LockKeys, task: LockTask<T, LockSet>): Promise<T>;
  using<T>(keys: LockKeys, options: ScopeOptions, task: LockTask<T, LockSet>): Promise<T>;
  using<T>(key: string | LockKeys, options: ScopeOptions, task: LockTask<T, Held>): Promise<T>;
  async using<T>(
    key: string | LockKeys,
    second: ScopeOptions | LockTask<T, never>,
    third?: LockTask<T, never>,
  ): Promise<T> {
    const [options, task] = typeof second === 'function' ? [undefined, second] : [second, third];
    if (typeof task !== 'function') {
      throw new LockUsageError('using(key, options, task) was called without a task');
    }
    const held = await this.acquirer.scope(key, options);
    const locks = locksOf(held);
    let result: T;
    try {
      result = await runInLocks(locks, () => task(held as never));
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
    // No store should have to look at more for one page.
    checkCount('limit', limit, 10_000);
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
    this.acquirer.closed = true;
    this.queues.rejectAll(closedError);
    await this.queues.idle(this.shutdownTimeout);
    this.queues.loseAll('the application has shut down');
    this.queues.stop();
    if (this.ownsStore) await this.store.close();
  }
}
