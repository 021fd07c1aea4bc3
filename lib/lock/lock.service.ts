import type { OnApplicationShutdown } from '@nestjs/common';
import { systemClock, type Clock } from '../clock.js';
import type { LockState, LockStore } from '../stores/lock-store.js';
import { DeadlockWatch } from './deadlock.js';
import { LeaseKeeper } from './lease-keeper.js';
import { LineRegistry } from './line-registry.js';
import type { HandOverBound } from './local-line.js';
import { currentFrame, findLock, runInLocks } from './lock-context.js';
import { lockEvents } from './lock-events.js';
import { lossOf, releaseAll } from './lock-list.js';
import {
  DEFAULT_MAX_HOLD_TIME,
  LOCK_DEFAULTS,
  checkAcquireOptions,
  checkKey,
  type AcquireOptions,
  type InnerAcquireOptions,
  type ScopeOptions,
} from './lock-options.js';
import type { Lock } from './lock.js';
import { LockAbortedError, LockUnavailableError, LockUsageError } from './lock.errors.js';
import { NestedLine } from './nested-line.js';
import { unlockedLock } from './unlocked.js';
import { Waiter } from './waiter.js';

/** What a service is made of; the module fills it in from its options. */
export interface LockServiceOptions {
  readonly store: LockStore;
  /** Close the store at shutdown. @default true */
  readonly ownsStore?: boolean;
  /** Default lease in ms. @default 30_000 */
  readonly leaseTime?: number;
  /** Default wait in ms. @default 5_000 */
  readonly waitTime?: number;
  /** Default of `AcquireOptions.fair`. @default false */
  readonly fair?: boolean;
  /** How far a lock is passed along inside the process. @default { count: 64, time: 10 } */
  readonly handOver?: HandOverBound;
  /** How long the store may stay silent before a waiter is told so, in ms. @default 5_000 */
  readonly unavailableAfter?: number;
  /** How long running holds may go on at shutdown, in ms. @default 10_000 */
  readonly shutdownTimeout?: number;
  readonly clock?: Clock;
}

/** How long a caller who could not have all of its locks waits for those it had to be free, in ms. */
const GIVE_UP_PATIENCE = 150;

type Task<T> = (lock: Lock) => T | Promise<T>;

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
export class LockService implements OnApplicationShutdown {
  private readonly options: Required<LockServiceOptions>;
  private readonly store: LockStore;
  private readonly clock: Clock;
  private readonly keeper: LeaseKeeper;
  private readonly lines: LineRegistry;
  private readonly deadlocks = new DeadlockWatch();
  private closing: Promise<void> | undefined;

  constructor(options: LockServiceOptions) {
    this.options = { ...LOCK_DEFAULTS, ownsStore: true, clock: systemClock, ...options };
    this.store = this.options.store;
    this.clock = this.options.clock;
    this.keeper = new LeaseKeeper(this.store, this.clock);
    this.lines = new LineRegistry({ ...this.options, keeper: this.keeper });
  }

  /**
   * Takes the lock on `key`, standing in line for it up to `waitTime` ms. End it with
   * `release()`, or with `await using`.
   *
   * Inside `using` or `@Locked` on the same key it does not wait for itself; a handle from
   * `acquire` alone is known to nobody but its owner.
   *
   * @throws LockBusyError when it was not to be had in time
   * @throws LockUnavailableError when the store did not answer
   * @throws LockAbortedError when `signal` aborted, or the application shuts down
   * @throws LockKeyError, LockUsageError for a bad key or option, or a wait that would never end
   */
  acquire(key: string, options?: AcquireOptions): Promise<Lock> {
    // Only a request that says `orNull` is answered with null.
    return this.ask(key, options, false, DEFAULT_MAX_HOLD_TIME) as Promise<Lock>;
  }

  /** Takes the lock on `key` if it is free and nobody waits for it; `null` otherwise. Never waits. */
  tryAcquire(key: string, options?: AcquireOptions): Promise<Lock | null> {
    return this.ask(key, { ...options, waitTime: 0 }, true, DEFAULT_MAX_HOLD_TIME);
  }

  /**
   * Takes several locks, all or none, in one order whatever order they are named in, so that two
   * callers never wait for each other. `waitTime` is for all of them together.
   * @returns the locks, sorted by key; each key once
   * @throws LockLostError when one was lost while another was waited for, and what `acquire` throws
   */
  async acquireAll(keys: readonly string[], options?: AcquireOptions): Promise<Lock[]> {
    if (keys.length === 0) throw new LockUsageError('no key was given: name at least one');
    const sorted = [...new Set(keys)].sort();
    const until = this.clock.mono() + (options?.waitTime ?? this.options.waitTime);
    const locks: Lock[] = [];
    try {
      for (const key of sorted) {
        if (locks.length === 0) {
          locks.push(await this.acquire(key, options));
          continue;
        }
        const waitTime = Math.max(0, until - this.clock.mono());
        // Inside those it has: waiting for the next it may be part of a deadlock.
        const next = runInLocks([...locks], () => this.acquire(key, { ...options, waitTime }));
        locks.push(await next);
      }
      // While the last was waited for, the first may have been lost.
      const lost = lossOf(locks);
      if (lost) throw lost;
    } catch (error) {
      await this.giveUp(locks, until);
      throw error;
    }
    return locks;
  }

  /**
   * Runs `task` under the lock on `key`, or on all of several, and releases it when the task has
   * ended. The task's error comes out as it is; a task that ended well under a lock that was lost
   * meanwhile rejects with `LockLostError`.
   *
   * @example
   * ```ts
   * const left = await locks.using(`stock:${sku}`, { waitTime: 2_000 }, () => take(sku));
   * ```
   */
  using<T>(key: string | readonly string[], task: Task<T>): Promise<T>;
  using<T>(key: string | readonly string[], options: ScopeOptions, task: Task<T>): Promise<T>;
  async using<T>(
    key: string | readonly string[],
    second: ScopeOptions | Task<T>,
    third?: Task<T>,
  ): Promise<T> {
    const [options, task] = typeof second === 'function' ? [{}, second] : [second, third];
    if (typeof task !== 'function') {
      throw new LockUsageError('using(key, options, task) was called without a task');
    }
    const locks = await this.enterScope(typeof key === 'string' ? [key] : key, options);
    const innermost = locks[locks.length - 1] as Lock;
    try {
      const result = await runInLocks(locks, () => task(innermost));
      const lost = lossOf(locks);
      if (lost) throw lost;
      return result;
    } finally {
      await releaseAll(locks);
    }
  }

  /** Who holds `key`, since when, and how many stand in line for it. */
  async inspect(key: string): Promise<LockState> {
    checkKey(key);
    try {
      return await this.store.inspect(key);
    } catch (error) {
      throw new LockUnavailableError(key, 'it could not be inspected', error);
    }
  }

  /**
   * The locks for a scope, whose end is sure: they are renewed as long as it runs.
   * @internal
   */
  async enterScope(keys: readonly string[], options: InnerAcquireOptions): Promise<Lock[]> {
    const scoped = { maxHoldTime: Infinity, ...options };
    try {
      if (keys.length === 1) return [await this.acquire(keys[0] as string, scoped)];
      return await this.acquireAll(keys, scoped);
    } catch (error) {
      if (options.whenUnavailable !== 'proceed' || !(error instanceof LockUnavailableError)) {
        throw error;
      }
      return keys.map((key) => {
        if (lockEvents.proceedUnlocked.hasSubscribers) {
          lockEvents.proceedUnlocked.publish({ key, error });
        }
        return unlockedLock(key, this.clock);
      });
    }
  }

  /** Nest calls this when HTTP has drained: what still runs keeps its locks for a while. */
  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /**
   * No new locks; waiters are turned away; running holds are renewed until they end or
   * `shutdownTimeout` has passed, then their signals abort and the keys are given back.
   */
  close(): Promise<void> {
    return (this.closing ??= this.shutDown());
  }

  private async shutDown(): Promise<void> {
    this.lines.dismiss(closed);
    await this.lines.idle(this.options.shutdownTimeout);
    this.lines.evict('the application has shut down');
    this.keeper.stop();
    if (this.options.ownsStore) await this.store.close();
  }

  /** Gives back the locks of a list that cannot be had whole; nobody is to wait long for that. */
  private async giveUp(locks: readonly Lock[], until: number): Promise<void> {
    const released = releaseAll(locks);
    const patience = Math.min(0, until - this.clock.mono()) + GIVE_UP_PATIENCE;
    if (locks.length === 0 || patience <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(patience, resolve, true);
      void released.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  private ask(
    key: string,
    options: InnerAcquireOptions | undefined,
    orNull: boolean,
    maxHoldTime: number,
  ): Promise<Lock | null> {
    return new Promise((resolve, reject) => {
      checkKey(key);
      if (options) checkAcquireOptions(options);
      const { signal } = options ?? {};
      if (signal?.aborted) {
        throw new LockAbortedError(key, 'its signal was aborted', signal.reason);
      }
      if (lockEvents.start.hasSubscribers) lockEvents.start.publish({ key });
      const frame = currentFrame();
      const request = {
        key,
        leaseTime: options?.leaseTime ?? this.options.leaseTime,
        waitTime: options?.waitTime ?? this.options.waitTime,
        maxHoldTime: options?.maxHoldTime ?? maxHoldTime,
        fair: options?.fair ?? this.options.fair,
        orNull,
        options,
        frame,
      };
      this.enter(new Waiter(request, this.clock.mono(), resolve, reject));
    });
  }

  /** Shows a waiter to the line it belongs in. */
  private enter(waiter: Waiter): void {
    const { key, frame } = waiter.request;
    if (frame) waiter.onStand = () => this.deadlocks.watch(waiter);
    const around = findLock(frame, key);
    if (around) {
      NestedLine.inside(around, this.clock).enter(waiter);
      return;
    }
    if (this.closing) {
      waiter.refuse(closed(key), this.clock.mono());
      return;
    }
    this.lines.lineFor(waiter.request).enter(waiter);
  }
}

function closed(key: string): LockAbortedError {
  return new LockAbortedError(key, 'the application is shutting down');
}
