import { Logger, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { LockRefusedError, type LockError } from '../../lock/lock.errors.js';
import type { ClientGone, ContextAdapter } from './context-adapter.js';
import { httpAnswer, type LockHttpStatus } from './http-answer.js';

/** The part of a response that says when its client has gone. */
interface ClosingResponse {
  readonly destroyed?: boolean;
  once(event: 'close', listener: () => void): unknown;
  removeListener(event: 'close', listener: () => void): unknown;
}

/** Handlers that answer HTTP requests, with Express or Fastify. */
export class HttpContext implements ContextAdapter {
  readonly type = 'http';
  private readonly logger = new Logger('LockErrorFilter');

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly status: LockHttpStatus,
  ) {}

  clientGone(context: ArgumentsHost): ClientGone | undefined {
    const response = responseOf(context);
    if (!response) return undefined;
    return (listener) => {
      const onClose = (): void => {
        listener('the client has closed the request');
      };
      if (response.destroyed === true) onClose();
      response.once('close', onClose);
      return () => {
        response.removeListener('close', onClose);
      };
    };
  }

  answer(error: LockError, context: ArgumentsHost): unknown {
    const adapter = this.host.httpAdapter;
    const answer = httpAnswer(error, this.status);
    if (!answer) {
      new BaseExceptionFilter(adapter).catch(error, context);
      return undefined;
    }
    // What the server said is for whoever runs it, not for the client.
    if (error instanceof LockRefusedError) this.logger.error(error);
    const response: unknown = context.switchToHttp().getResponse();
    if (adapter.isHeadersSent(response)) {
      adapter.end(response);
      return undefined;
    }
    if (answer.retryAfter !== undefined) {
      adapter.setHeader(response, 'Retry-After', String(answer.retryAfter));
    }
    adapter.reply(response, answer.body, answer.status);
    return undefined;
  }
}

function responseOf(context: ArgumentsHost): ClosingResponse | undefined {
  const response = context
    .switchToHttp()
    .getResponse<(Partial<ClosingResponse> & { raw?: ClosingResponse }) | undefined>();
  // Fastify's reply keeps the response of Node inside.
  const raw = response?.raw ?? response;
  return typeof raw?.once === 'function' ? (raw as ClosingResponse) : undefined;
}
