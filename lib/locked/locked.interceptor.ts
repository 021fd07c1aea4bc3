import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { adapterFor, type ContextAdapter } from './context/context-adapter.js';
import { HandlerScope } from './handler-scope.js';
import { lockedMethodsOf } from './locked-method.js';
import { afterEnd } from './result/observable-result.js';

/**
 * Keeps the locks of a handler until all interceptors inside this one have ended. The module
 * registers it as the outermost.
 */
export class LockedInterceptor implements NestInterceptor {
  constructor(private readonly adapters: readonly ContextAdapter[]) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    // A handler that is not locked itself may call what is locked until the handler has ended.
    const owners = lockedMethodsOf(context.getHandler());
    const adapter = adapterFor(this.adapters, context);
    return new Observable((subscriber) => {
      const scope = new HandlerScope(owners, adapter?.clientGone(context));
      const chain = scope.run(() =>
        next.handle().subscribe({
          next: (value) => {
            subscriber.next(value);
          },
          error: (error: unknown) => {
            // The handler's own error says more than a loss would.
            afterEnd(scope.end(), () => {
              subscriber.error(error);
            });
          },
          complete: () => {
            afterEnd(
              scope.end(),
              () => {
                subscriber.complete();
              },
              (error) => {
                subscriber.error(error);
              },
            );
          },
        }),
      );
      return () => {
        chain.unsubscribe();
        void scope.end()?.catch(() => undefined);
      };
    });
  }
}
