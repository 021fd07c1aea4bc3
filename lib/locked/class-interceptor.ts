import 'reflect-metadata';
import { RpcContext } from './context/rpc-context.js';
import { LockedInterceptor } from './locked.interceptor.js';

/** Where `@UseInterceptors` on a class writes them down, the outermost first. */
const INTERCEPTORS = '__interceptors__';

const interceptor = new LockedInterceptor([new RpcContext()], true);

/**
 * Puts the interceptor for locks on a class, outside of its others: a microservice that was connected
 * without `inheritAppConfig` has none of the application's. Decorators of methods come before those of
 * their class, so there are none yet but those of a base class.
 */
export function interceptClass(prototype: object): void {
  const { constructor } = prototype;
  const known = (Reflect.getMetadata(INTERCEPTORS, constructor) ?? []) as unknown[];
  if (known.includes(interceptor)) return;
  Reflect.defineMetadata(INTERCEPTORS, [interceptor, ...known], constructor);
}
