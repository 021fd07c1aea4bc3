import type { Outcome } from '../history.js';

/** A lock as the callers see it, the library's or one that is meant to fail. */
export interface HeldLock {
  readonly token: number;
  readonly signal: AbortSignal;
  isHeld(): boolean;
  release(): Promise<unknown>;
}

export interface Ask {
  readonly key: string;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly signal?: AbortSignal;
}

/** What is put to the test. */
export interface Subject {
  /** Null when busy; rejects otherwise. */
  acquire(ask: Ask): Promise<HeldLock | null>;
  tryAcquire(ask: Ask): Promise<HeldLock | null>;
  using(ask: Ask, task: (lock: HeldLock) => Promise<void>): Promise<void>;
  outcomeOf(error: unknown): Outcome;
  close(): Promise<void>;
}
