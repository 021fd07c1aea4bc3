import type { Clock } from '../../clock.js';
import { covers, describeMode, type LockMode } from '../../stores/lock-mode.js';
import type { Grant, LockStore } from '../../stores/lock-store.js';
import type { KeptLocks } from '../kept-locks.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LockUsageError, NOBODY, quoted } from '../lock.errors.js';
import type { Lock } from '../lock.js';
import type { AcquireSettings } from './acquire-settings.js';
import { DeadlockFinder } from './deadlock.js';
import { Deadlines } from './deadlines.js';
import { KeyQueue } from './key-queue.js';
import { NestedQueue } from './nested-queue.js';
import type { Frame } from './lock-context.js';
import type { HandOverBound, QueueSettings } from './queue-settings.js';
import { RecentHolds } from './recent-holds.js';
import { Waiter } from './waiter.js';

/** What the queues of one service are made with. */
export interface KeyQueuesOptions {
  readonly store: LockStore;
  readonly clock: Clock;
  readonly handOver: HandOverBound;
  readonly unavailableAfter: number;
  /** How many may wait for one key in this process. */
  readonly maxWaiters: number;
}

/** The queues of one service: which a caller belongs in, and how they come to an end. */
export class KeyQueues {
  readonly deadlines: Deadlines;
  private readonly deadlocks: DeadlockFinder;
  private readonly keeper: LeaseKeeper;
  private readonly settings: QueueSettings;
  /** The queues that callers share, by key. */
  private readonly shared = new Map<string, KeyQueue>();
  /** How many wait in queues of their own, by key. */
  private readonly alone = new Map<string, number>();
  private drained: (() => void) | undefined;

  constructor(private readonly options: KeyQueuesOptions) {
    const { store, clock } = options;
    this.keeper = new LeaseKeeper(store, clock);
    this.deadlines = new Deadlines(clock);
    this.deadlocks = new DeadlockFinder(this.deadlines, this.keeper, options.unavailableAfter);
    this.settings = {
      ...options,
      keeper: this.keeper,
      deadlocks: this.deadlocks,
      holds: new RecentHolds(),
      emptied: (queue) => this.emptied(queue),
    };
  }

  /** A caller comes: it waits inside `around`, a lock on the same key, or in a queue of the store's. */
  enter(
    key: string,
    settings: AcquireSettings,
    frame: Frame | undefined,
    around: Lock | undefined,
  ): Promise<Lock | null> {
    const { clock } = this.options;
    if (around && !covers(around.mode, settings.mode)) throw upgradeError(around, settings.mode);
    if (settings.minHoldTime > 0 && this.options.store.traits.leases === 'session') {
      throw new LockUsageError(
        `minHoldTime ${settings.minHoldTime} cannot be kept by this store: its leases are those of a session, and end with the lock`,
        key,
      );
    }
    const waiter = new Waiter(key, settings, frame, clock.mono(), this.deadlines);
    if (around) NestedQueue.inside(around, clock, this.deadlocks).enter(waiter);
    else this.queue(waiter);
    return waiter.lock;
  }

  /**
   * A lock is kept for longer than its taker works with it: gives the taker's part. Those of the same
   * transaction that wait for its key would wait for themselves: they go on inside the lock.
   */
  keep(lock: Lock, kept: KeptLocks, isAlone: boolean): Lock {
    const { clock } = this.options;
    const inside = NestedQueue.inside(lock, clock, this.deadlocks);
    const part = inside.begin();
    if (isAlone) return part;
    for (const waiter of this.deadlines.waiters()) {
      const { key, home, settings, mode } = waiter;
      if (key !== lock.key || !(home instanceof KeyQueue)) continue;
      if (settings.surroundings?.around.includes(kept) !== true) continue;
      waiter.move();
      if (covers(lock.mode, mode)) inside.enter(waiter);
      else waiter.fail(upgradeError(lock, mode), clock.mono());
    }
    return part;
  }

  /** Takes in what another process held; undefined when it came too late to be believed in. */
  adopt(grant: Grant, settings: AcquireSettings): Lock | undefined {
    const { key } = grant;
    const queue = this.shared.get(key) ?? new KeyQueue(key, this.settings);
    return queue.adopt(grant, settings);
  }

  private queue(waiter: Waiter): void {
    const { key } = waiter;
    const { maxWaiters } = this.options;
    const shared = this.shared.get(key);
    if (!waiter.wait) {
      if (shared?.answer(waiter) !== true) new KeyQueue(key, this.settings).enter(waiter);
    } else if (waiter.settings.fair || !this.options.store.traits.localHandOver) {
      this.enterAlone(waiter);
    } else if (shared && shared.waiters.size >= maxWaiters) {
      refuse(waiter, shared.waiters.size);
    } else {
      const queue = shared ?? new KeyQueue(key, this.settings);
      if (!shared) this.shared.set(key, queue);
      queue.enter(waiter);
    }
  }

  /** Rejects all who wait for the store; what waits inside a held lock may go on. */
  rejectAll(error: (key: string) => Error): void {
    for (const waiter of this.deadlines.waiters()) {
      if (waiter.home instanceof KeyQueue) waiter.leave(error(waiter.key));
    }
  }

  /** Resolves when nobody holds a lock any more, or after `timeout` ms. */
  idle(timeout: number): Promise<void> {
    if (this.keeper.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.options.clock.after(timeout, resolve);
      this.drained = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Takes every lock from its holder: their signals abort, and the keys are given back. */
  loseAll(reason: string): void {
    for (const lease of this.keeper.all()) lease.lose(reason);
  }

  stop(): void {
    this.keeper.stop();
    this.deadlines.stop();
  }

  /** To be served strictly by arrival across processes, a caller waits in the store itself. */
  private enterAlone(waiter: Waiter): void {
    const { key } = waiter;
    const waiting = this.alone.get(key) ?? 0;
    if (waiting >= this.options.maxWaiters) {
      refuse(waiter, waiting);
      return;
    }
    this.alone.set(key, waiting + 1);
    waiter.atEnd = () => {
      const left = (this.alone.get(key) ?? 1) - 1;
      if (left > 0) this.alone.set(key, left);
      else this.alone.delete(key);
    };
    new KeyQueue(key, this.settings).enter(waiter);
  }

  private emptied(queue: KeyQueue): void {
    if (this.shared.get(queue.key) === queue) this.shared.delete(queue.key);
    if (this.drained && this.keeper.size === 0) this.drained();
  }
}

function upgradeError({ key, mode }: Lock, asked: LockMode): LockUsageError {
  return new LockUsageError(
    `${quoted(key)} is held here as ${describeMode(mode)}, and ${describeMode(asked)} was asked for inside that: it would wait for itself. A lock cannot be upgraded; take it as ${describeMode(asked)} from the start`,
    key,
  );
}

function refuse(waiter: Waiter, waiting: number): void {
  waiter.busy(NOBODY, waiter.since, 'full', `; ${waiting} wait for it here, which is maxWaiters`);
}
