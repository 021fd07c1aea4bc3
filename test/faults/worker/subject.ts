import type { Outcome } from '../history.js';
import type { Mode } from '../modes.js';

/** A lock as the callers see it, the library's or one that is meant to fail. */
export interface HeldLock {
  readonly key: string;
  readonly token: number;
  readonly signal: AbortSignal;
  /** Whether the work runs without a lock, as it had asked for. */
  readonly unlocked?: boolean;
  isHeld(): boolean;
  extend(ms: number): Promise<void>;
  /** False when the lock had not been the caller's any more. */
  release(): Promise<boolean>;
  /** Left out by locks that know nothing of it. */
  downgrade?(): Promise<void>;
  handOff?(options: { leaseTime: number }): Promise<string>;
}

export interface Ask {
  /** As in the history: `other:…` is a lock of the other service. */
  readonly key: string;
  readonly mode: Mode;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly fair: boolean;
  readonly signal?: AbortSignal;
  /** Run the work without a lock when the store gives no answer. */
  readonly proceed?: boolean;
}

/** What is put to the test. */
export interface Subject {
  /** Null when busy; rejects otherwise. */
  acquire(ask: Ask): Promise<HeldLock | null>;
  tryAcquire(ask: Ask): Promise<HeldLock | null>;
  /** All of several keys of one service or none of them; but for key and mode they are asked for alike. */
  acquireAll(asks: readonly Ask[]): Promise<HeldLock[]>;
  using(ask: Ask, task: (lock: HeldLock) => Promise<void>): Promise<void>;
  /** Left out where no lock can be handed off. */
  readonly resume?: (ticket: string, ask: Ask) => Promise<HeldLock>;
  outcomeOf(error: unknown): Outcome;
  close(): Promise<void>;
}
