import { Inject } from '@nestjs/common';
import type { LeaderElection } from '../../leader/leader-election.js';
import { LockUsageError } from '../../lock/lock.errors.js';
import {
  checkTarget,
  copyOwn,
  notForThis,
  returnsObservable,
  tagOf,
  type Method,
} from '../decorated-method.js';
import { getLeaderElectionToken } from './election-token.js';

/** All that `@LeaderOnly` needs of an election: a test may put a plain object in its place. */
export type IfLeader = Pick<LeaderElection, 'ifLeader'>;

/** What `@LeaderOnly` makes: a decorator for methods whose caller can do without a result. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- what such a method is declared to return
export type LeaderOnlyDecorator = <M extends (...args: never[]) => PromiseLike<unknown> | void>(
  target: object,
  property: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * Runs a method on the leader only: elsewhere a call is left out, and resolves to `undefined` at once. The
 * method finds its term by `currentTerm()`, and goes on when the term ends: it is to look at
 * `currentTerm().signal`. A call rejects with `LockLostError` when its term was lost meanwhile and the
 * method ended well.
 *
 * A call always returns a promise. Two calls on the leader may run at the same time, and one that does
 * not look beside those of the next leader; where that must not be, `@Locked` stands beside it.
 *
 * @param name that of the election, if it was registered with one
 * @throws LockUsageError at class definition, on anything but an instance method that returns a promise
 * or nothing
 *
 * @example
 * ```ts
 * @Injectable()
 * export class Reports {
 *   @Cron('0 * * * *')
 *   @LeaderOnly()
 *   async hourly() { … }
 * }
 * ```
 */
export function LeaderOnly(name?: string): LeaderOnlyDecorator {
  return (target: object, property: unknown, descriptor?: PropertyDescriptor) => {
    const { where, method } = checkTarget(decoratorOf(name), target, property, descriptor);
    checkResult(name, where, method, target, property as string | symbol);
    const election = injectElection(target, name);
    const wrapper = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const instance = this as Partial<Record<symbol, IfLeader>> | undefined;
      const found = instance?.[election];
      if (!found) throw notBuilt(where);
      return found.ifLeader(() => Reflect.apply(method, this, args));
    };
    copyOwn(method, wrapper);
    // checkTarget has made sure of the descriptor.
    (descriptor as PropertyDescriptor).value = wrapper;
  };
}

/** Where Nest puts an election, by its name: one for all classes. */
const properties = new Map<string | undefined, symbol>();
const injected = new WeakMap<object, Set<symbol>>();

/** Once a class, however many of its methods are the leader's: Nest resolves every entry. */
function injectElection(target: object, name: string | undefined): symbol {
  const token = getLeaderElectionToken(name);
  const property = properties.get(name) ?? Symbol(whatIsMissing(name));
  properties.set(name, property);
  const known = injected.get(target) ?? new Set();
  if (!known.has(property)) Inject(token)(target, property);
  injected.set(target, known.add(property));
  return property;
}

/** What Nest says at boot when there is no such election. */
function whatIsMissing(name: string | undefined): string {
  const named = name === undefined ? '' : `name: ${JSON.stringify(name)}, `;
  return `the LeaderElection for ${decoratorOf(name)}: add LeaderElectionModule.register({ ${named}key }) to the imports of the module of this class, or register it once with isGlobal: true`;
}

/** A result that goes on after the call has no place where there may be no call. */
function checkResult(
  name: string | undefined,
  where: string,
  method: Method,
  target: object,
  property: string | symbol,
): void {
  const tag = tagOf(method);
  const isGenerator = tag === 'GeneratorFunction' || tag === 'AsyncGeneratorFunction';
  if (!isGenerator && !returnsObservable(target, property)) return;
  throw notForThis(
    decoratorOf(name),
    `${where}, which returns ${isGenerator ? 'an iterable' : 'an Observable'}: where this process is not leader there would be none; return a promise`,
  );
}

function decoratorOf(name: string | undefined): string {
  return name === undefined ? '@LeaderOnly()' : `@LeaderOnly(${JSON.stringify(name)})`;
}

function notBuilt(where: string): LockUsageError {
  return new LockUsageError(
    `${where} was called on an object that Nest did not build, so it is not known who leads; get it from the container (in a test: provide { ifLeader: (task) => task() } under getLeaderElectionToken())`,
  );
}
