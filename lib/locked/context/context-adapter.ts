import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import type { LockError } from '../../lock/lock.errors.js';
import type { ClientGone } from './client-gone.js';

/** The beginning of an answer that must not be sent before the handler has its lock. */
export interface HeldAnswer {
  /** The handler has its lock: the answer may begin. */
  begin(): void;
  /** There is nothing to wait for any more. */
  end(): void;
}

/** What locks must know of one kind of Nest context, such as HTTP. */
export interface ContextAdapter {
  /** What `getType()` of such a context says. */
  readonly type: string;
  /** How to learn that nobody waits for the answer any more; undefined where there is no way. */
  clientGone(context: ArgumentsHost): ClientGone | undefined;
  /** Answers with a lock error in the words of this context; what a filter returns, or throws. */
  answer(error: LockError, context: ArgumentsHost): unknown;
  /**
   * Keeps an answer from beginning that Nest would begin at once.
   * @param send gives the caller a value of the handler's
   * @returns undefined where Nest waits by itself
   */
  holdAnswer?(context: ExecutionContext, send: (value: unknown) => void): HeldAnswer | undefined;
  /** The handler was left out, as `whenBusy: 'skip'` says. */
  skipped?(context: ExecutionContext): void;
  /** Whether the handler has no caller who would hear of its error. */
  isUnheard?(context: ExecutionContext): boolean;
  /** The error for an application in which no filter of ours is asked. */
  foreignError?(error: LockError): Promise<unknown>;
}

/** The adapter for a context; undefined for a kind that nobody here knows. */
export function adapterFor(
  adapters: readonly ContextAdapter[],
  context: ArgumentsHost,
): ContextAdapter | undefined {
  const type = context.getType<string>();
  return adapters.find((adapter) => adapter.type === type);
}
