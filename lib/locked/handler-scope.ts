import { AsyncLocalStorage } from 'node:async_hooks';
import { runInLocks } from '../lock/lock-context.js';
import type { Lock } from '../lock/lock.js';
import { lossOf, releaseAll } from '../lock/lock-list.js';
import { Turn, type OnWait } from './turn.js';

/** The part of a response that says when its client has gone. */
export interface ClosingResponse {
  readonly destroyed?: boolean;
  once(event: 'close', listener: () => void): unknown;
  removeListener(event: 'close', listener: () => void): unknown;
}

const scopes = new AsyncLocalStorage<HandlerScope>();

/**
 * One run of a handler with all its interceptors. The locks the handler takes are kept here until
 * what stands around it has ended too: a transaction must commit before its lock is let go.
 */
export class HandlerScope {
  private readonly turn = new Turn();
  private readonly inside = new Set<object>();
  private locks: Lock[] = [];
  private over = false;

  /**
   * @param owners the locked methods that are this handler: only their locks belong to the scope,
   * not those of the services it calls
   * @param response whose closing ends the wait for a lock
   */
  constructor(
    private readonly owners: readonly object[],
    private readonly response: ClosingResponse | undefined,
  ) {}

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

  /** Why the handler is not wanted any more; undefined while it is. */
  get givenUp(): string | undefined {
    return this.turn.givenUp;
  }

  run<T>(chain: () => T): T {
    return scopes.run(this, chain);
  }

  /**
   * Runs a handler's method. A second run, as an interceptor that tries again makes it, stands
   * inside the locks of the first, which are still held: it must not wait for them.
   */
  async call<T>(method: () => Promise<T>): Promise<T> {
    if (lossOf(this.locks)) await this.release();
    const again = this.inside.size === 1 && this.locks.length > 0;
    return again ? runInLocks(this.locks, method) : method();
  }

  /** Takes over locks that the handler has got. */
  adopt(locks: readonly Lock[]): void {
    this.locks = [...this.locks, ...locks];
  }

  /** While the handler stands in line, a client that goes takes it out of the line. */
  readonly onWait: OnWait = (abort) => {
    const done = this.turn.onWait(abort);
    const { response } = this;
    if (!response) return done;
    const onClose = (): void => {
      this.turn.giveUp('the client has closed the request');
    };
    if (response.destroyed === true) onClose();
    response.once('close', onClose);
    return () => {
      response.removeListener('close', onClose);
      done();
    };
  };

  /** The handler's method, or the stream it returned, has ended. */
  leave(owner: object): Promise<void> | undefined {
    this.inside.delete(owner);
    return this.over && this.inside.size === 0 ? this.release() : undefined;
  }

  /**
   * The interceptors have ended. Whoever answers the request waits for what is returned. When the
   * method still runs, because an interceptor lost patience, the locks stay until it has ended,
   * and the answer does not wait for that.
   */
  end(): Promise<void> | undefined {
    this.over = true;
    this.turn.giveUp('its request has ended');
    return this.inside.size === 0 ? this.release() : undefined;
  }

  private release(): Promise<void> | undefined {
    if (this.locks.length === 0) return undefined;
    const locks = this.locks.reverse();
    this.locks = [];
    return releaseAll(locks);
  }
}
