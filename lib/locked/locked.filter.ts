import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { LockError } from '../lock/lock.errors.js';
import { httpAnswer, type LockHttpStatus } from './http-answer.js';

/**
 * Answers a lock error in HTTP: 423 with Retry-After when busy, 503 when Redis does not answer.
 * Elsewhere the error goes on unchanged.
 *
 * The module registers it as the first global filter, which is the last that Nest asks: a filter of
 * the application's own comes before it. That goes for a catch-all filter too; one that knows
 * only `HttpException` finds the status of a lock error with `httpAnswer`.
 */
@Catch(LockError)
export class LockErrorFilter implements ExceptionFilter<LockError> {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly status: LockHttpStatus,
  ) {}

  catch(error: LockError, context: ArgumentsHost): unknown {
    const kind = context.getType<string>();
    if (kind === 'rpc') return throwError(() => error);
    if (kind !== 'http') throw error;

    const adapter = this.host.httpAdapter;
    const answer = httpAnswer(error, this.status);
    if (!answer) {
      new BaseExceptionFilter(adapter).catch(error, context);
      return undefined;
    }
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
