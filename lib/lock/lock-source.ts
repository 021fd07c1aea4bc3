import type { LockStore } from '../stores/lock-store.js';
import type { Lease } from './lease/lease.js';
import type { Lock } from './lock.js';

/** Where a lock came from and goes back to. */
export interface LockSource {
  readonly store: LockStore;
  /** The lock on the same key that it was taken inside, if any. */
  readonly outer?: Lock;
  /** Takes a lock back: true if it was still ours, false if it had been lost. */
  end(lock: Lock): Promise<boolean>;
  /** Renews the lease under a lock. */
  extend(lease: Lease, leaseTime: number): Promise<void>;
  /** Makes an exclusive lock a shared one, without a gap. */
  downgrade(lock: Lock): Promise<void>;
  /** Renews the lease under a lock, and keeps it no longer: another process is to go on with it. */
  detach(lock: Lock, leaseTime: number): Promise<void>;
}

/** What is taken inside a held lock on the same key. */
export interface NestedHolds {
  readonly isBusy: boolean;
  /** Called when the last of them has ended. */
  whenIdle: () => void;
}
