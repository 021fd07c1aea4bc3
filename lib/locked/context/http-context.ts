import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { LockError } from '../../lock/lock.errors.js';
import { goneWithResponse, nodeResponse, type ClientGone } from './client-gone.js';
import type { ContextAdapter, HeldAnswer } from './context-adapter.js';
import { answersItself } from './handler-params.js';
import { httpAnswer, type LockHttpStatus } from './http-answer.js';
import { SseAnswer, isSse } from './sse-answer.js';

/** Handlers that answer HTTP requests, with Express or Fastify. */
export class HttpContext implements ContextAdapter {
  readonly type = 'http';

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly status: LockHttpStatus,
  ) {}

  clientGone(context: ArgumentsHost): ClientGone | undefined {
    const response = nodeResponse(context.switchToHttp().getResponse());
    return response && goneWithResponse(response);
  }

  answer(error: LockError, context: ArgumentsHost): unknown {
    const adapter = this.host.httpAdapter;
    const answer = httpAnswer(error, this.status);
    const response: unknown = context.switchToHttp().getResponse();
    if (adapter.isHeadersSent(response)) {
      adapter.end(response);
      return undefined;
    }
    if (!answer) {
      adapter.reply(response, { statusCode: 500, message: error.toJSON().message }, 500);
      return undefined;
    }
    if (answer.retryAfter !== undefined) {
      adapter.setHeader(response, 'Retry-After', String(answer.retryAfter));
    }
    adapter.reply(response, answer.body, answer.status);
    return undefined;
  }

  holdAnswer(context: ExecutionContext, send: (value: unknown) => void): HeldAnswer | undefined {
    if (!isSse(context)) return undefined;
    const response = nodeResponse(context.switchToHttp().getResponse());
    // Nest 11 has sent the headers already.
    return response?.headersSent === false ? new SseAnswer(response, send) : undefined;
  }

  skipped(context: ExecutionContext): void {
    const adapter = this.host.httpAdapter;
    const response: unknown = context.switchToHttp().getResponse();
    if (adapter.isHeadersSent(response)) return;
    // Nest leaves the answer to a handler that takes the response; but it was not called.
    if (answersItself(context)) adapter.reply(response, undefined, this.status.skipped);
    else adapter.status(response, this.status.skipped);
  }
}
