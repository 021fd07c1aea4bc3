import { throwError } from 'rxjs';
import type { LockError } from '../../lock/lock.errors.js';
import type { ContextAdapter } from './context-adapter.js';

/** Handlers of messages: the error goes to the caller as it is. */
export class RpcContext implements ContextAdapter {
  readonly type = 'rpc';

  clientGone(): undefined {
    return undefined;
  }

  answer(error: LockError): unknown {
    return throwError(() => error);
  }
}
