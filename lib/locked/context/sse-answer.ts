import type { ExecutionContext } from '@nestjs/common';
import type { HeldAnswer } from './context-adapter.js';

/** Where `@Sse` writes down that it was here. */
const SSE = '__sse__';

/** Whether a handler answers with a stream of events. */
export function isSse(context: ExecutionContext): boolean {
  return Reflect.getMetadata(SSE, context.getHandler()) === true;
}

/**
 * Nest sends the headers of `@Sse` on the next turn of the event loop, with status 200, however long
 * the handler waits for its lock: who is told that it is busy would be told so inside a stream. It does
 * not send them to a response that has ended, so this one says that it has, until there is a lock.
 * Then a comment, which clients ignore, makes Nest send them.
 */
export class SseAnswer implements HeldAnswer {
  private isHeld = true;

  constructor(
    private readonly response: object,
    private readonly send: (value: unknown) => void,
  ) {
    Object.defineProperty(response, 'writableEnded', { get: () => true, configurable: true });
  }

  begin(): void {
    if (!this.isHeld) return;
    this.end();
    this.send({ comment: '' });
  }

  end(): void {
    if (this.isHeld) Reflect.deleteProperty(this.response, 'writableEnded');
    this.isHeld = false;
  }
}
