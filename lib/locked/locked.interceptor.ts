import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { HandlerScope, type ClosingResponse } from './handler-scope.js';
import { after } from './hold.js';
import { lockedMethodsOf } from './locked-method.js';

/**
 * Keeps the locks of a handler until all interceptors inside this one have ended. The module
 * registers it as the outermost.
 */
@Injectable()
export class LockedInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const owners = lockedMethodsOf(context.getHandler());
    if (owners.length === 0) return next.handle();
    return new Observable((subscriber) => {
      const scope = new HandlerScope(owners, responseOf(context));
      const chain = scope.run(() =>
        next.handle().subscribe({
          next: (value) => {
            subscriber.next(value);
          },
          error: (error: unknown) => {
            after(scope.end(), () => {
              subscriber.error(error);
            });
          },
          complete: () => {
            after(scope.end(), () => {
              subscriber.complete();
            });
          },
        }),
      );
      return () => {
        chain.unsubscribe();
        void scope.end();
      };
    });
  }
}

function responseOf(context: ExecutionContext): ClosingResponse | undefined {
  if (context.getType() !== 'http') return undefined;
  const response = context
    .switchToHttp()
    .getResponse<Partial<ClosingResponse> & { raw?: ClosingResponse }>();
  // Fastify's reply keeps the response of Node inside.
  const raw = response.raw ?? response;
  return typeof raw.once === 'function' ? (raw as ClosingResponse) : undefined;
}
