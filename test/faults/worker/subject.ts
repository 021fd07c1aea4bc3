import type { Outcome } from '../history.js';

/** A lock as the callers see it, the library's or one that is meant to fail. */
export interface HeldLock {
  readonly key: string;
  readonly token: number;
  readonly signal: AbortSignal;
  isHeld(): boolean;
  extend(ms: number): Promise<void>;
  release(): Promise<unknown>;
}

export interface Ask {
  readonly key: string;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly fair: boolean;
  readonly signal?: AbortSignal;
}

/** What is put to the test. */
export interface Subject {
  /** Null when busy; rejects otherwise. */
  acquire(ask: Ask): Promise<HeldLock | null>;
  tryAcquire(ask: Ask): Promise<HeldLock | null>;
  /** All of several keys or none of them. */
  acquireAll(keys: readonly string[], ask: Ask): Promise<HeldLock[]>;
  using(ask: Ask, task: (lock: HeldLock) => Promise<void>): Promise<void>;
  outcomeOf(error: unknown): Outcome;
  close(): Promise<void>;
}
