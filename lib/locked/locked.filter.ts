import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { LockError } from '../lock/lock.errors.js';
import { adapterFor, type ContextAdapter } from './context/context-adapter.js';

/**
 * Answers a lock error in the words of its context. In HTTP: 423 with Retry-After when busy, 503
 * when the store gives no answer, 500 when it refuses. Elsewhere the error goes on unchanged.
 *
 * The module registers it as the first global filter, which is the last that Nest asks: a filter of
 * the application's own comes before it. That goes for a catch-all filter too; one that knows
 * only `HttpException` finds the status of a lock error with `httpAnswer`.
 */
@Catch(LockError)
export class LockErrorFilter implements ExceptionFilter<LockError> {
  constructor(private readonly adapters: readonly ContextAdapter[]) {}

  catch(error: LockError, context: ArgumentsHost): unknown {
    const adapter = adapterFor(this.adapters, context);
    if (!adapter) throw error;
    return adapter.answer(error, context);
  }
}
