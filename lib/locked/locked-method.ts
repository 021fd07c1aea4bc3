import 'reflect-metadata';
import { isObservable } from 'rxjs';
import { askedBy, callerOf } from '../lock/caller.js';
import { LockAbortedError, LockBusyError, LockUsageError } from '../lock/lock.errors.js';
import { isEventListener, logForListener } from './context/event-listener.js';
import { copyOwn, type Method } from './decorated-method.js';
import { injectService, serviceIn } from './injected-service.js';
import { HandlerScope } from './handler-scope.js';
import type { KeyRenderer } from './key/lock-key.js';
import { withDefaults, type LockedSettings } from './locked.options.js';
import { signalOf, type Cancellation } from './result/cancellation.js';
import { holdResult, isOngoing } from './result/held-result.js';
import { LazyIterator } from './result/iterable-result.js';
import { lazyObservable } from './result/observable-result.js';
import { ResultScope, endQuietly, type Using } from './result/result-scope.js';

/** What a locked method gives its caller at once. */
export type ResultKind = 'promise' | 'observable' | 'iterable';

const LOCKED = 'nest-locked:methods';
const NONE: readonly LockedMethod[] = [];

/** The locked methods a function stands for: several when `@Locked` was applied more than once. */
export function lockedMethodsOf(handler: object): readonly LockedMethod[] {
  return (Reflect.getMetadata(LOCKED, handler) as LockedMethod[] | undefined) ?? NONE;
}

/** One method with its lock: what all its calls have in common. */
export class LockedMethod {
  /** Where its service is in an instance. */
  service: symbol;

  constructor(
    target: object,
    /** Class and method, for messages. */
    private readonly where: string,
    readonly kind: ResultKind,
    private readonly render: KeyRenderer,
    private settings: LockedSettings,
    private readonly method: Method,
  ) {
    this.service = injectService(target, settings.service);
  }

  /** What its class says for all its methods. */
  takeDefaults(defaults: LockedSettings, target: object): void {
    this.settings = withDefaults(this.settings, defaults, this.where);
    this.service = injectService(target, this.settings.service);
  }

  /** The function that takes the method's place. */
  wrapper(): Method {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the wrapper's own `this` is the instance
    const locked = this;
    let listens: boolean | undefined;
    const wrappers: Record<ResultKind, Method> = {
      promise: function (...args) {
        const call = locked.call(this, args);
        // Asked when all decorators have been here.
        listens ??= isEventListener(wrapper);
        return listens ? call.catch((error: unknown) => logForListener(error, locked.where)) : call;
      },
      observable: function (...args) {
        return lazyObservable((cancellation) => locked.call(this, args, cancellation));
      },
      iterable: function (...args) {
        return new LazyIterator((cancellation) => locked.call(this, args, cancellation));
      },
    };
    const wrapper = wrappers[this.kind];
    const methods = [...lockedMethodsOf(this.method), this];
    copyOwn(this.method, wrapper);
    Reflect.defineMetadata(LOCKED, methods, wrapper);
    return wrapper;
  }

  private call(instance: unknown, args: unknown[], cancellation?: Cancellation): Promise<unknown> {
    const handler = HandlerScope.enter(this);
    if (handler) {
      return handler.call(() => this.runInScope(instance, args, cancellation, handler));
    }
    return cancellation
      ? this.runInScope(instance, args, cancellation, undefined)
      : this.runInTask(instance, args);
  }

  /** The method is the task of `using`: by far the most calls, so that nothing else stands here. */
  private runInTask(instance: unknown, args: unknown[]): Promise<unknown> {
    return new Promise((resolve) => {
      let hasRun = false;
      const service = this.serviceOf(instance);
      const key = this.render(args, instance);
      if (key === undefined) {
        resolve(Reflect.apply(this.method, instance, args));
        return;
      }
      const whole: Promise<unknown> = Promise.resolve(
        service.using(key, this.settings.acquire, async (lock) => {
          hasRun = true;
          const result = await Reflect.apply(this.method, instance, args);
          if (!isOngoing(result)) return result;
          const scope = new ResultScope(lock, () => whole);
          resolve(holdResult(result, scope, firstOf(key), this.where));
          return scope.ended;
        }),
      );
      whole.then(resolve, (error: unknown) => {
        if (hasRun) resolve(whole);
        else resolve(new Promise((give) => give(this.withoutLock(error, instance, args))));
      });
    });
  }

  /** The locks are kept beyond the method's return, or the wait for them may be called off. */
  private async runInScope(
    instance: unknown,
    args: unknown[],
    cancellation: Cancellation | undefined,
    handler: HandlerScope | undefined,
  ): Promise<unknown> {
    let key: string | readonly string[] | undefined;
    let scope: ResultScope | undefined;
    try {
      const service = this.serviceOf(instance);
      key = this.render(args, instance);
      if (key !== undefined) {
        const signal = signalOf(cancellation, handler?.cancellation);
        const { acquire } = this.settings;
        // The handler itself keeps it, and a transaction inside the interceptors ends before.
        const until = handler && acquire.until !== 'transaction' ? 'method' : acquire.until;
        const options = askedBy({ ...acquire, until, signal }, callerOf(acquire));
        const open = ResultScope.open.bind(ResultScope, service, key, options);
        scope = await (handler ? handler.wait(open) : open());
      }
    } catch (error) {
      if (handler) await endQuietly({ end: () => handler.leave(this) });
      return this.withoutLock(error, instance, args, handler);
    }
    if (key === undefined || !scope) {
      if (handler) await endQuietly({ end: () => handler.leave(this) });
      handler?.starts(this);
      return Reflect.apply(this.method, instance, args);
    }
    const { until = 'handler' } = this.settings.acquire;
    const hold = handler ? handler.adopt(scope, this, until === 'handler') : scope;
    let result: unknown;
    try {
      const calledOff = cancellation?.reason ?? handler?.cancellation.reason;
      if (calledOff !== undefined) throw new LockAbortedError(firstOf(key), calledOff, calledOff);
      handler?.starts(this);
      result = await scope.run(() => Reflect.apply(this.method, instance, args));
      // Nobody subscribes any more: the interceptors have ended.
      const isUnwanted = handler?.ended === true && isObservable(result);
      if (!isUnwanted && isOngoing(result)) {
        return holdResult(result, hold, firstOf(key), this.where);
      }
      const { lost } = hold;
      if (lost) throw lost;
    } catch (error) {
      await endQuietly(hold);
      throw error;
    }
    await hold.end();
    return result;
  }

  private serviceOf(instance: unknown): Using {
    const service = serviceIn(instance, this.service);
    if (service) return service;
    throw new LockUsageError(
      `${this.where} was called on an object that Nest did not build, so there is nothing to lock with; get it from the container (in a test: Test.createTestingModule with RedisLockModule.forRoot({ store: new MemoryStore() }))`,
    );
  }

  /** Only what happened on the way to this method's own lock comes here. */
  private withoutLock(
    error: unknown,
    instance: unknown,
    args: unknown[],
    handler?: HandlerScope,
  ): unknown {
    const { whenBusy } = this.settings;
    if (whenBusy === undefined || !(error instanceof LockBusyError)) throw error;
    if (whenBusy !== 'skip') return Reflect.apply(whenBusy, instance, [error, ...args]);
    handler?.skip();
    return undefined;
  }
}

function firstOf(key: string | readonly string[]): string {
  return typeof key === 'string' ? key : (key[0] ?? '');
}
