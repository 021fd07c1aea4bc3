import 'reflect-metadata';
import { isObservable } from 'rxjs';
import type { LockService } from '../lock/lock.service.js';
import type { Lock } from '../lock/lock.js';
import { runInLocks } from '../lock/lock-context.js';
import { lossOf, releaseAll } from '../lock/lock-list.js';
import { LockAbortedError, LockBusyError, LockUsageError } from '../lock/lock.errors.js';
import { HandlerScope } from './handler-scope.js';
import { Hold } from './hold.js';
import { LazyIterator, holdIterable, isAsyncIterable } from './iterable-result.js';
import type { KeyRenderer } from './lock-key.js';
import type { LockedSettings } from './locked.options.js';
import { holdObservable, lazyObservable } from './observable-result.js';
import { both, type Turn } from './turn.js';

/** A method before or after it is locked. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** What a locked method gives its caller at once. */
export type ResultKind = 'promise' | 'observable' | 'iterable';

/**
 * Where Nest puts the service. The description is what Nest says at boot when it has no service
 * to put there.
 */
export const LOCK_SERVICE: unique symbol = Symbol(
  'the LockService for @Locked: add RedisLockModule.forRoot() to the imports of the root module',
);

/** An instance that Nest has built. */
interface Injected {
  readonly [LOCK_SERVICE]?: LockService;
}

const LOCKED = 'nest-locked:methods';

/** The locked methods a function stands for: several when `@Locked` was applied more than once. */
export function lockedMethodsOf(handler: object): readonly LockedMethod[] {
  return (Reflect.getMetadata(LOCKED, handler) as LockedMethod[] | undefined) ?? [];
}

/** One method with its lock: what all its calls have in common. */
export class LockedMethod {
  constructor(
    /** Class and method, for messages. */
    private readonly where: string,
    readonly kind: ResultKind,
    private readonly render: KeyRenderer,
    private readonly settings: LockedSettings,
    private readonly method: Method,
  ) {}

  /** The function that takes the method's place. */
  wrapper(): Method {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the wrapper's own `this` is the instance
    const locked = this;
    const wrappers: Record<ResultKind, Method> = {
      promise: function (...args) {
        return locked.call(this, args);
      },
      observable: function (...args) {
        return lazyObservable((turn) => locked.call(this, args, turn));
      },
      iterable: function (...args) {
        return new LazyIterator((turn) => locked.call(this, args, turn));
      },
    };
    const wrapper = wrappers[this.kind];
    const methods = [...lockedMethodsOf(this.method), this];
    copyOwn(this.method, wrapper);
    Reflect.defineMetadata(LOCKED, methods, wrapper);
    return wrapper;
  }

  private call(instance: unknown, args: unknown[], turn?: Turn): Promise<unknown> {
    const scope = HandlerScope.enter(this);
    return scope
      ? scope.call(() => this.run(instance, args, turn, scope))
      : this.run(instance, args, turn, undefined);
  }

  private async run(
    instance: unknown,
    args: unknown[],
    turn: Turn | undefined,
    scope: HandlerScope | undefined,
  ): Promise<unknown> {
    let locks: readonly Lock[];
    try {
      locks = await this.obtain(instance, args, turn, scope);
    } catch (error) {
      await scope?.leave(this);
      return this.withoutLock(error, instance, args);
    }
    scope?.adopt(locks);

    const end = (): Promise<void> | undefined => (scope ? scope.leave(this) : releaseAll(locks));
    let result: unknown;
    try {
      const givenUp = turn?.givenUp ?? scope?.givenUp;
      if (givenUp !== undefined) throw new LockAbortedError(locks[0]?.key ?? '', givenUp);
      result = await runInLocks(locks, () => Reflect.apply(this.method, instance, args));
      if (isObservable(result)) return holdObservable(result, new Hold(locks, end), this.where);
      if (isAsyncIterable(result)) return holdIterable(result, new Hold(locks, end));
      const lost = lossOf(locks);
      if (lost) throw lost;
    } catch (error) {
      await end();
      throw error;
    }
    await end();
    return result;
  }

  private obtain(
    instance: unknown,
    args: unknown[],
    turn: Turn | undefined,
    scope: HandlerScope | undefined,
  ): Promise<readonly Lock[]> {
    const service = (instance as Injected | undefined)?.[LOCK_SERVICE];
    if (!service) {
      throw new LockUsageError(
        `${this.where} was called on an object that Nest did not build, so there is nothing to lock with; get it from the container (in a test: Test.createTestingModule with RedisLockModule.forRoot({ store: new MemoryStore() }))`,
      );
    }
    const key = this.render(args, instance);
    const onWait = both(turn?.onWait, scope?.onWait);
    const options = onWait ? { ...this.settings.acquire, onWait } : this.settings.acquire;
    return service.enterScope(typeof key === 'string' ? [key] : key, options);
  }

  /** Only what happened on the way to this method's own lock comes here. */
  private withoutLock(error: unknown, instance: unknown, args: unknown[]): unknown {
    const { whenBusy } = this.settings;
    if (whenBusy === undefined || !(error instanceof LockBusyError)) throw error;
    return whenBusy === 'skip' ? undefined : Reflect.apply(whenBusy, instance, [error, ...args]);
  }
}

/** Other decorators have left their marks on a method, and Nest reads them from its replacement. */
function copyOwn(from: Method, to: Method): void {
  for (const name of Reflect.ownKeys(from)) {
    if (name === 'prototype') continue;
    const property = Object.getOwnPropertyDescriptor(from, name);
    if (property) Object.defineProperty(to, name, property);
  }
  for (const key of Reflect.getOwnMetadataKeys(from) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, from), to);
  }
}
