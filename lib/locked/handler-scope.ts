import { AsyncLocalStorage } from 'node:async_hooks';
import type { LockLostError } from '../lock/lock.errors.js';
import type { TransactionPort } from '../lock/until.js';
import type { ClientGone } from './context/client-gone.js';
import { Cancellation } from './result/cancellation.js';
import type { ResultHold, ResultScope } from './result/result-scope.js';

const scopes = new AsyncLocalStorage<HandlerScope>();

/**
 * One run of a handler with all its interceptors. The locks the handler takes are kept here until
 * what stands around it has ended too: a transaction must commit before its lock is given back.
 */
export class HandlerScope {
  /** The request may end while its handler still waits for a lock. */
  readonly cancellation = new Cancellation();
  /** For locks that are kept until the handler has ended: to them it is like a transaction. */
  static readonly port: TransactionPort = (end) => {
    const scope = scopes.getStore();
    if (!scope || scope.over) return undefined;
    scope.ends.push(end);
    return scope;
  };

  private readonly inside = new Set<object>();
  private results: ResultScope[] = [];
  private ends: (() => Promise<void>)[] = [];
  private over = false;
  private leftOut = false;

  /**
   * @param owners the locked methods that are this handler, the innermost first: only their locks belong
   * to the scope, not those of the services it calls
   * @param clientGone tells when nobody waits for the answer any more
   * @param onStart called when the handler has its locks
   */
  constructor(
    private readonly owners: readonly object[],
    private readonly clientGone: ClientGone | undefined,
    private readonly onStart: () => void = () => undefined,
  ) {}

  /** Whether the running code stands in a run of the handler that `owners` are. */
  static isOpenFor(owners: readonly object[]): boolean {
    const scope = scopes.getStore();
    return scope !== undefined && !scope.over && scope.owners === owners;
  }

  /**
   * The scope that `owner` is the handler of, and now runs in. Undefined for any other call: in
   * another handler, of a handler from within itself, or after the scope has ended.
   */
  static enter(owner: object): HandlerScope | undefined {
    const scope = scopes.getStore();
    if (!scope || scope.over || scope.inside.has(owner) || !scope.owners.includes(owner)) {
      return undefined;
    }
    scope.inside.add(owner);
    return scope;
  }

  /** Whether the interceptors have ended: nobody will subscribe to what the handler returns. */
  get ended(): boolean {
    return this.over;
  }

  /** Whether the handler was left out because its lock was busy. */
  get isSkipped(): boolean {
    return this.leftOut;
  }

  run<T>(chain: () => T): T {
    return scopes.run(this, chain);
  }

  /**
   * Runs a handler's method. A second run, as an interceptor that tries again makes it, stands
   * inside the locks of the first, which are still held: it must not wait for them.
   */
  async call<T>(method: () => Promise<T>): Promise<T> {
    if (this.results.some(({ lost }) => lost)) {
      await endAll(this.takeResults()).catch(() => undefined);
    }
    if (this.inside.size > 1) return method();
    return this.results.reduceRight((work, result) => () => result.run(work), method)();
  }

  /** Waits for a lock; a client that goes meanwhile calls the wait off. */
  async wait<T>(opening: () => Promise<T>): Promise<T> {
    const stop = this.clientGone?.((reason) => {
      this.cancellation.cancel(reason);
    });
    try {
      return await opening();
    } finally {
      stop?.();
    }
  }

  /** The method of `owner` has its lock, or needs none, and is called next. */
  starts(owner: object): void {
    if (owner === this.owners[0]) this.onStart();
  }

  /** The handler was left out, as `whenBusy: 'skip'` says. */
  skip(): void {
    this.leftOut = true;
  }

  /**
   * Takes over the locks that a handler's method has got; gives what the method's result holds.
   * @param keep whether they are to be kept until the interceptors have ended
   */
  adopt(result: ResultScope, owner: object, keep: boolean): ResultHold {
    if (keep) this.results.push(result);
    const end = (): Promise<void> | undefined => {
      const left = this.leave(owner);
      return keep ? left : endAll([() => result.end(), () => left]);
    };
    let ending: { readonly done: Promise<void> | undefined } | undefined;
    return {
      get lost(): LockLostError | undefined {
        return result.lost;
      },
      run: (work) => result.run(work),
      onLost: (listener) => {
        result.onLost(listener);
      },
      end: () => (ending ??= { done: end() }).done,
    };
  }

  /** The handler's method, or the stream it returned, has ended. */
  leave(owner: object): Promise<void> | undefined {
    this.inside.delete(owner);
    return this.over ? this.giveBack() : undefined;
  }

  /**
   * The interceptors have ended. Whoever answers the request waits for what is returned. When the
   * method still runs, because an interceptor lost patience, the locks stay until it has ended,
   * and the answer does not wait for that.
   * @throws LockLostError when one of the locks was lost
   */
  end(): Promise<void> | undefined {
    this.over = true;
    this.cancellation.cancel('its request has ended');
    return this.giveBack();
  }

  private giveBack(): Promise<void> | undefined {
    const holdsNone = this.results.length === 0 && this.ends.length === 0;
    if (this.inside.size > 0 || holdsNone) return undefined;
    const { ends } = this;
    this.ends = [];
    return endAll([...this.takeResults(), ...ends]);
  }

  private takeResults(): (() => Promise<void> | undefined)[] {
    const results = this.results.reverse();
    this.results = [];
    return results.map((result) => () => result.end());
  }
}

/** @throws the first loss that any of them tells of */
async function endAll(ends: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  const settled = await Promise.allSettled(ends.map(async (end) => end()));
  const failed = settled.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}
