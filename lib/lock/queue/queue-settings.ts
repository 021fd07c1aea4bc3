import type { Clock } from '../../clock.js';
import type { LockStore } from '../../stores/lock-store.js';
import type { Teller } from '../teller.js';
import type { LeaseKeeper } from '../lease/lease-keeper.js';
import type { DeadlockFinder } from './deadlock.js';
import type { KeyQueue } from './key-queue.js';
import type { RecentHolds } from './recent-holds.js';

/** How far a lock may be handed over inside the process before the others have their turn. */
export interface HandOverBound {
  /** Hand-overs on one lease; 0 turns them off. */
  readonly count: number;
  /** Ms since the lease was granted. */
  readonly time: number;
}

/** What the queues of one service share. */
export interface QueueSettings {
  readonly store: LockStore;
  readonly keeper: LeaseKeeper;
  readonly clock: Clock;
  readonly handOver: HandOverBound;
  /** How long the store may be silent before a waiter is told so, in ms. */
  readonly unavailableAfter: number;
  readonly deadlocks: DeadlockFinder;
  readonly teller: Teller;
  readonly holds: RecentHolds;
  /** Called when a queue has neither holder nor waiters. */
  emptied(queue: KeyQueue): void;
}
