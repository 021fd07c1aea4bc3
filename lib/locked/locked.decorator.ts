import type { Observable } from 'rxjs';
import {
  checkTarget,
  notForThis,
  returnsObservable,
  tagOf,
  type Method,
} from './decorated-method.js';
import { compileKey, templateOf } from './key/key-renderer.js';
import type { KeyProblem } from './key/key-types.js';
import type { LockKey } from './key/lock-key.js';
import { interceptClass } from './class-interceptor.js';
import { LockedMethod, lockedMethodsOf, type ResultKind } from './locked-method.js';
import type { BusyAsk, BusyProblem, NoFunction } from './busy-types.js';
import { checkLockedOptions, type LockedOptions } from './locked.options.js';

/** What a locked method may be declared to return: its caller has to wait for the lock. */
export type LockableResult = PromiseLike<unknown> | Observable<unknown> | AsyncIterable<unknown>;

/**
 * What `@Locked` makes: a decorator for methods that its key and its `whenBusy` fit. What does not is a
 * compile error, whose last words say why.
 */
export type LockedDecorator<
  K = string,
  S extends 'skip' = never,
  P extends readonly unknown[] = readonly [],
  W = NoFunction,
> = <M extends (...args: never[]) => unknown>(
  target: object,
  property: string | symbol,
  descriptor: TypedPropertyDescriptor<M> & MethodProblem<M, K, BusyAsk<S, P, W>>,
) => void;

/** As `LockableResult`, by what is quick to see. */
type Lockable =
  | { readonly then: unknown }
  | { readonly subscribe: unknown }
  | { readonly [Symbol.asyncIterator]: unknown };

/** What is wrong with a method, in words; `unknown` when nothing is. Taken apart once: that is what costs. */
type MethodProblem<M, K, B> = M extends (...args: infer A) => infer R
  ? [R] extends [Lockable]
    ? KeyProblem<K, A> & BusyProblem<B, A, R>
    : 'the method must return a promise, an Observable or an async iterable: make it async'
  : unknown;

/**
 * Runs a method under a lock: it starts when the lock is held, and the lock is given back when it
 * has ended. In a request handler it is given back when all interceptors around it have ended, so
 * that a transaction commits first.
 *
 * The method returns a promise, or an Observable or async iterable, for which the lock is held
 * until it ends. A method declared to return an Observable, and an async generator, is called and
 * locked when it is subscribed to, or asked for its first value. (Import `Observable` as a value:
 * what a method is declared to return by `import type` is not known at run time.)
 *
 * A method that promises an Observable, an iterable or a stream has its lock from the call on. When
 * nobody has begun to consume the result ten minutes later, the lock is given back, and who consumes
 * it after that gets a `LockLostError`. Once begun, it is held to its end, or for `maxHoldTime`. A
 * stream is destroyed when its lock is lost.
 *
 * The class must be built by Nest, with `RedisLockModule` in its reach; `service` names one of several
 * registrations, and `@LockDefaults` says what the methods of a class have in common. All that is asked of the
 * service is `using(key, options, task)`: a test may provide a plain object with that under the
 * `LockService` token.
 *
 * Calls reject with `LockBusyError` when the key was taken for all of `waitTime`,
 * `LockUnavailableError` when the store gives no answer, `LockRefusedError` when it answers with
 * an error, `LockKeyError` when the arguments give no key, `LockAbortedError` when the wait was
 * called off, and `LockLostError` when the lock was lost and the method returned normally. An error
 * of the method itself comes out as it is.
 *
 * @param key a template such as `order:<0>` or `stock:<0.sku>`, several, or a function of the
 * method's arguments; see `LockKey`
 * @throws LockUsageError at class definition, on anything but an instance method and for a bad
 * template or option
 *
 * @example
 * ```ts
 * @Controller('orders')
 * export class OrdersController {
 *   @Post(':id/pay')
 *   @Locked('order:<0>')
 *   async pay(@Param('id', ParseIntPipe) id: number) { … }
 * }
 *
 * @Injectable()
 * export class Reports {
 *   @Cron('0 * * * *')
 *   @Locked('reports:hourly', { waitTime: 0, whenBusy: 'skip', minHoldTime: 30_000 })
 *   async hourly() { … } // in one pod only
 * }
 * ```
 */
export function Locked<
  const K extends LockKey<never>,
  const P extends readonly unknown[] = readonly [],
  W = NoFunction,
  S extends 'skip' = never,
>(key: K, options: LockedOptions<P, W, S> = {}): LockedDecorator<K, S, P, W> {
  return (target: object, property: unknown, descriptor?: PropertyDescriptor) => {
    const { where, method } = checkTarget('@Locked', target, property, descriptor);
    if (tagOf(method) === 'GeneratorFunction') {
      throw notForThis(
        '@Locked',
        `${where}, a generator that would run after its lock was given back: make it async`,
      );
    }
    const locked = new LockedMethod(
      target,
      where,
      kindOf(method, target, property as string | symbol),
      compileKey(key, where),
      checkLockedOptions(options, where, templateOf(key)),
      method,
    );
    interceptClass(target);
    // checkTarget has made sure of the descriptor.
    (descriptor as PropertyDescriptor).value = locked.wrapper();
  };
}

function kindOf(method: Method, target: object, property: string | symbol): ResultKind {
  const beneath = lockedMethodsOf(method).at(-1);
  if (beneath) return beneath.kind;
  if (tagOf(method) === 'AsyncGeneratorFunction') return 'iterable';
  return returnsObservable(target, property) ? 'observable' : 'promise';
}
