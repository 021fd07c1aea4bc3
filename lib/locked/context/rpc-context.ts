import type { ExecutionContext } from '@nestjs/common';
import { throwError } from 'rxjs';
import type { LockError } from '../../lock/lock.errors.js';
import type { ContextAdapter } from './context-adapter.js';

/** Where `@MessagePattern` and `@EventPattern` write down which of them was here. */
const HANDLER_TYPE = 'microservices:handler_type';
const EVENT = 2;

/** Handlers of messages and events: `{ status: 'error', code, message, retryAfter }` goes to the caller. */
export class RpcContext implements ContextAdapter {
  readonly type = 'rpc';

  clientGone(): undefined {
    return undefined;
  }

  answer(error: LockError): unknown {
    return throwError(() => formOf(error));
  }

  isUnheard(context: ExecutionContext): boolean {
    return Reflect.getMetadata(HANDLER_TYPE, context.getHandler()) === EVENT;
  }

  async foreignError(error: LockError): Promise<unknown> {
    // Where there is a message to answer, there is this package.
    const { RpcException } = await import('@nestjs/microservices');
    return Object.assign(new RpcException(formOf(error)), { cause: error });
  }
}

function formOf(error: LockError): object {
  return { status: 'error', ...error.toJSON() };
}
