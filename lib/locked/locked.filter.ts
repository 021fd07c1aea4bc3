import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { LockError } from '../lock/lock.errors.js';
import { adapterFor, type ContextAdapter } from './context/context-adapter.js';
import { isFault } from './context/fault.js';

/**
 * Answers a lock error in the form of its context, with its `code` and `retryAfter` and words that
 * name neither the key nor the holder. In HTTP: 423 with Retry-After when busy, 503 when the store
 * gives no answer, 500 when it refuses.
 *
 * The module registers it as the first global filter, which is the last that Nest asks: a filter of
 * the application's own comes before it. That goes for a catch-all filter too; one that knows
 * only `HttpException` finds the status of a lock error with `httpAnswer`.
 */
@Catch(LockError)
export class LockErrorFilter implements ExceptionFilter<LockError> {
  private readonly logger = new Logger('LockErrorFilter');

  constructor(private readonly adapters: readonly ContextAdapter[]) {}

  catch(error: LockError, context: ArgumentsHost): unknown {
    const adapter = adapterFor(this.adapters, context);
    if (!adapter) throw error;
    // What the server said is for whoever runs it, not for the client.
    if (isFault(error)) this.logger.error(error);
    return adapter.answer(error, context);
  }
}
