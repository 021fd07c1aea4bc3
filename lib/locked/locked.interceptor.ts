import {
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { LockError } from '../lock/lock.errors.js';
import { adapterFor, type ContextAdapter } from './context/context-adapter.js';
import { isFault } from './context/fault.js';
import { isSse } from './context/sse-answer.js';
import { HandlerScope } from './handler-scope.js';
import { lockedMethodsOf } from './locked-method.js';
import { LateValues } from './result/late-values.js';
import { afterEnd } from './result/observable-result.js';

/**
 * Keeps the locks of a handler until all interceptors inside this one have ended. The module
 * registers it as the outermost, and `@Locked` puts another on its class, for applications that have none.
 */
export class LockedInterceptor implements NestInterceptor {
  private readonly logger = new Logger('LockedInterceptor');

  /**
   * @param adapters the contexts that it knows
   * @param isOfClass whether it stands on a class: where it is the first to be asked, no filter of ours is
   */
  constructor(
    private readonly adapters: readonly ContextAdapter[],
    private readonly isOfClass = false,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    // A handler that is not locked itself may call what is locked until the handler has ended.
    const owners = lockedMethodsOf(context.getHandler());
    if (this.isOfClass && HandlerScope.isOpenFor(owners)) return next.handle();
    const adapter = adapterFor(this.adapters, context);
    return new Observable((subscriber) => {
      let isEmpty = true;
      const send = (value: unknown): void => {
        subscriber.next(value);
      };
      const values = new LateValues(send);
      const isEventStream = isSse(context);
      const answer = owners.length > 0 ? adapter?.holdAnswer?.(context, send) : undefined;
      const scope = new HandlerScope(owners, adapter?.clientGone(context), () => answer?.begin());
      const fail = (error: unknown): void => {
        answer?.end();
        const told = this.told(error, adapter, context);
        if (told) void told.then((own) => subscriber.error(own));
        else subscriber.error(error);
      };
      const complete = (): void => {
        answer?.end();
        values.flush();
        if (scope.isSkipped) {
          adapter?.skipped?.(context);
          // An Observable that is left out is empty, and whoever asked waits for a value.
          if (isEmpty && !isEventStream) send(undefined);
        }
        subscriber.complete();
      };
      const chain = scope.run(() =>
        next.handle().subscribe({
          next: (value) => {
            // There is no event in place of those of a handler that was left out.
            if (isEventStream && scope.isSkipped) return;
            isEmpty = false;
            values.add(value);
          },
          error: (error: unknown) => {
            values.flush();
            // The handler's own error says more than a loss would.
            afterEnd(scope.end(), () => {
              fail(error);
            });
          },
          complete: () => {
            values.keep();
            afterEnd(scope.end(), complete, fail);
          },
        }),
      );
      return () => {
        answer?.end();
        chain.unsubscribe();
        void scope.end()?.catch(() => undefined);
      };
    });
  }

  /** Logs an error that nobody would hear of, and gives the one that is to go on in its place, if any. */
  private told(
    error: unknown,
    adapter: ContextAdapter | undefined,
    context: ExecutionContext,
  ): Promise<unknown> | undefined {
    if (!(error instanceof LockError)) return undefined;
    if (adapter?.isUnheard?.(context) === true) {
      // Without a filter of ours Nest logs it, and what must be mended is logged by our filter.
      if (this.isOfClass || isFault(error)) return undefined;
      const where = `${context.getClass().name}.${context.getHandler().name}`;
      this.logger.error(`the event handler ${where} failed: ${error.detail}`);
      return undefined;
    }
    if (!this.isOfClass || !adapter?.foreignError) return undefined;
    if (isFault(error)) this.logger.error(error);
    return adapter.foreignError(error).catch(() => error);
  }
}
