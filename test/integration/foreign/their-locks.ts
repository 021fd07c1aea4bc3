/** How long a lock of theirs is kept without renewal unless a test says otherwise, in ms. */
export const THEIR_LEASE = 10_000;

/** A lock of another library. */
export interface TheirHold {
  /** Renews it for `THEIR_LEASE`; false when it was not theirs any more. */
  extend(): Promise<boolean>;
  /** False when it was not theirs any more, and their library tells. */
  release(): Promise<boolean>;
}

/** Another library's locks on one key, asked for as its users do. */
export interface TheirLocks {
  /** Waits for it, at the pauses that are the library's default, for as long as it takes. */
  take(): Promise<TheirHold>;
  tryTake(leaseTime?: number): Promise<TheirHold | undefined>;
  close(): Promise<void>;
}
