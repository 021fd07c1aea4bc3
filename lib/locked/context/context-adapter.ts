import type { ArgumentsHost } from '@nestjs/common';
import type { LockError } from '../../lock/lock.errors.js';

/**
 * Calls `listener` with the reason when the client has gone, at once if it is gone already. Returns
 * what ends that.
 */
export type ClientGone = (listener: (reason: string) => void) => () => void;

/** What locks must know of one kind of Nest context, such as HTTP. */
export interface ContextAdapter {
  /** What `getType()` of such a context says. */
  readonly type: string;
  /** How to learn that nobody waits for the answer any more; undefined where there is no way. */
  clientGone(context: ArgumentsHost): ClientGone | undefined;
  /** Answers with a lock error in the words of this context; what a filter returns. */
  answer(error: LockError, context: ArgumentsHost): unknown;
}

/** The adapter for a context; undefined for a kind that nobody here knows. */
export function adapterFor(
  adapters: readonly ContextAdapter[],
  context: ArgumentsHost,
): ContextAdapter | undefined {
  const type = context.getType<string>();
  return adapters.find((adapter) => adapter.type === type);
}
