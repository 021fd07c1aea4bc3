import { inspect } from 'node:util';

import type { Lock } from './lock.js';
import type { LockLostError } from './lock.errors.js';
import { runInLocks } from './queue/lock-context.js';

/**
 * Several locks that are held together, as one: the loss of any of them is its loss. Made by
 * `LockService`; end it with `release()`, or let `await using` or `locks.using` do so.
 *
 * @example
 * ```ts
 * await using both = await locks.acquireAll(['account:1', 'account:2']);
 * await transfer(1, 2, 50, { fences: both.tokens, signal: both.signal });
 * both.assertHeld();
 * ```
 */
export class LockSet implements AsyncDisposable {
  private merged: AbortSignal | undefined;
  private ending: Promise<boolean> | undefined;

  /** @internal */
  constructor(
    /** The locks themselves, sorted by key. */
    readonly locks: readonly Lock[],
  ) {
    for (const lock of locks) lock.companions = locks;
  }

  /** The fencing token of each key. */
  get tokens(): Readonly<Record<string, number>> {
    const tokens = Object.create(null) as Record<string, number>;
    for (const { key, token } of this.locks) tokens[key] = token;
    return tokens;
  }

  /** What is locked, sorted. */
  get keys(): readonly string[] {
    return this.locks.map(({ key }) => key);
  }

  /** Aborts with the `LockLostError` of the first lock that is lost. */
  get signal(): AbortSignal {
    return (this.merged ??= AbortSignal.any(this.locks.map(({ signal }) => signal)));
  }

  /** Why they are not ours any more, as far as it was noticed. */
  get lost(): LockLostError | undefined {
    return this.locks.find(({ lost }) => lost)?.lost;
  }

  /** Whether `release()` was called. */
  get ended(): boolean {
    return this.ending !== undefined;
  }

  /** Whether they stand for locks that could not be had: see `Lock.unlocked`. */
  get unlocked(): boolean {
    return this.locks.some(({ unlocked }) => unlocked);
  }

  /** Whether all of them are still ours, right now. */
  isHeld(): boolean {
    return this.locks.every((lock) => lock.isHeld());
  }

  /**
   * Does nothing while all of them are ours.
   * @throws LockLostError when one was lost or released
   */
  assertHeld(): void {
    for (const lock of this.locks) lock.assertHeld();
  }

  /**
   * Runs `work` inside these locks: see `Lock.run`.
   * @returns what the work returns
   */
  run<T>(work: () => T): T {
    return runInLocks(this.locks, work);
  }

  /**
   * Renews all of them now: see `Lock.extend`.
   * @param ms the new lease, at least 10; default: the lease they were acquired with
   * @throws LockLostError, LockUnavailableError, LockRefusedError for the first that cannot be renewed
   */
  async extend(ms?: number): Promise<void> {
    await Promise.all(this.locks.map((lock) => lock.extend(ms)));
  }

  /**
   * Gives all of them back. May be called again: the answer is the same.
   * @returns true if all were ours to the end, false if one had been lost
   * @throws LockUnavailableError, LockRefusedError as `Lock.release`
   */
  release(): Promise<boolean> {
    return (this.ending ??= this.end());
  }

  /** `release()` for the end of a block: what the block returned or threw is not to be masked. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch(() => undefined);
  }

  /** What is printed of them: never a secret. */
  toJSON(): object {
    return { locks: this.locks.map((lock) => lock.toJSON()) };
  }

  /** @internal */
  [inspect.custom](): string {
    return `LockSet ${inspect(this.toJSON(), { depth: 3 })}`;
  }

  private async end(): Promise<boolean> {
    const answers = await Promise.all(this.locks.map((lock) => lock.release()));
    return answers.every((ours) => ours);
  }
}

/** What a scope holds: one lock, or several as one. */
export type Held = Lock | LockSet;

export function locksOf(held: Held): readonly Lock[] {
  return 'locks' in held ? held.locks : [held];
}
