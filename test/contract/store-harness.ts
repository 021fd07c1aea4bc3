import type { Grant, LockStore } from '../../lib/stores/lock-store.js';
import { granted, type Asked } from '../support/callers.js';

/** What the suite needs to know of a store to put it to the test. */
export interface StoreHarness {
  readonly store: LockStore;
  /** A store on the same locks, as another process would have it; closed by `stop()`. */
  readonly other: LockStore;
  /** The monotonic clock that the stores go by, in ms. */
  now(): number;
  /** Lets time pass for the leases. */
  pass(ms: number): Promise<void>;
  /**
   * Everything that is kept anywhere for any key: empty when nobody holds or waits, if need be
   * after a second at most.
   */
  leftovers(): Promise<string[]>;
  /** Called after each test; closes both stores, whether the test did so or not. */
  stop(): Promise<void>;
}

/** The grant, and when it was there on the harness's clock. */
export async function grantedAt(
  harness: StoreHarness,
  asked: Asked,
): Promise<{ grant: Grant; at: number }> {
  const grant = await granted(asked);
  return { grant, at: harness.now() };
}
