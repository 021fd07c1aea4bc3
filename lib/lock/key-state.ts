import type { LockPage, LockState } from '../stores/lock-store.js';

/** A key as it stands, for people and dashboards, as a service tells of it. */
export interface KeyState extends LockState {
  /**
   * How many callers wait, at least: those of this process one by one, and one for each place of any other, which
   * may have more behind it.
   */
  readonly waiting: number;
  /** How many places are taken in the store's queue: a process has one for all of its callers, and one for each that is `fair`. */
  readonly places: number;
}

/** Some of the locks that are held or waited for: see `LockPage`. */
export interface KeyPage extends LockPage {
  readonly locks: readonly KeyState[];
}

/** What a service knows of those who wait for a key in its own process. */
export interface OwnWaiters {
  callers: number;
  /** In the store's queue, or on the way there. */
  places: number;
}

/** What a store says of a key, and what is known here of the callers behind its places. */
export function keyState(state: LockState, own: OwnWaiters | undefined): KeyState {
  const { waiting: places } = state;
  if (!own) return { ...state, places };
  return { ...state, waiting: Math.max(0, places - own.places) + own.callers, places };
}
