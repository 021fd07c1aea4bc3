import { finished, type Stream } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { Cancellation } from './cancellation.js';
import type { Consumption } from './consumption.js';
import { endQuietly, type ResultHold } from './result-scope.js';

type Values = AsyncIterable<unknown>;
type Step = IteratorResult<unknown>;

export function isAsyncIterable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Holds locks until an async iterable is done, fails or is returned from. */
export function holdIterable(source: Values, hold: ResultHold, consumption: Consumption): Values {
  if (isStream(source)) {
    holdStream(source, hold, consumption);
    return source;
  }
  consumption.expect(() => void endQuietly(hold));
  const held = (): HeldIterator =>
    new HeldIterator(source[Symbol.asyncIterator](), hold, consumption);
  if ('next' in source) return held();
  // Its readers would go past the iterator, and the class is looked at by whoever takes one.
  if ('getReader' in source) return ReadableStream.from(held());
  return new Proxy(source, {
    get(target, property) {
      if (property === Symbol.asyncIterator) return held;
      const value: unknown = Reflect.get(target, property, target);
      // Bound, or a method that uses private fields would not know its own object.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A stream is also piped, and known by its class: it stays as it is, and is ended by its own means. */
function holdStream(stream: Stream.Readable, hold: ResultHold, consumption: Consumption): void {
  const fail = (error: Error): void => {
    stream.destroy(error);
  };
  finished(stream, () => {
    consumption.begin();
    void endQuietly(hold);
  });
  hold.onLost(fail);
  consumption.expect((failure) => {
    if (!stream.readableDidRead) fail(failure);
  });
}

function isStream(value: object): value is Stream.Readable {
  return 'pipe' in value && 'on' in value && typeof value.pipe === 'function';
}

/** With private fields only: whoever prints or serialises one finds nothing of ours. */
abstract class LockedIterator implements AsyncIterableIterator<unknown> {
  abstract next(value?: unknown): Promise<Step>;
  abstract return(value?: unknown): Promise<Step>;
  abstract throw(error?: unknown): Promise<Step>;

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** Steps through an iterator inside its locks, and ends them with it. */
class HeldIterator extends LockedIterator {
  readonly #source: AsyncIterator<unknown>;
  readonly #hold: ResultHold;
  readonly #consumption: Consumption;

  constructor(source: AsyncIterator<unknown>, hold: ResultHold, consumption: Consumption) {
    super();
    this.#source = source;
    this.#hold = hold;
    this.#consumption = consumption;
  }

  next(value?: unknown): Promise<Step> {
    return this.step(async () => {
      const step = await this.#source.next(value);
      if (step.done === true && this.#hold.lost) throw this.#hold.lost;
      return step;
    });
  }

  return(value?: unknown): Promise<Step> {
    return this.step(async () => (await this.#source.return?.(value)) ?? { done: true, value });
  }

  throw(error?: unknown): Promise<Step> {
    return this.step(() => {
      if (!this.#source.throw) throw error;
      return this.#source.throw(error);
    });
  }

  private async step(move: () => Promise<Step>): Promise<Step> {
    if (this.#consumption.failure) throw this.#consumption.failure;
    this.#consumption.begin();
    try {
      const step = await this.#hold.run(move);
      if (step.done === true) await this.#hold.end();
      return step;
    } catch (error) {
      await endQuietly(this.#hold);
      throw error;
    }
  }
}

/** The result of an async generator method: the call, and its lock, begin with the first step. */
export class LazyIterator extends LockedIterator {
  readonly #cancellation = new Cancellation();
  readonly #call: (cancellation: Cancellation) => Promise<unknown>;
  #source: Promise<AsyncIterator<unknown> | undefined> | undefined;

  constructor(call: (cancellation: Cancellation) => Promise<unknown>) {
    super();
    this.#call = call;
  }

  async next(value?: unknown): Promise<Step> {
    const source = await (this.#source ??= this.begin());
    return source ? source.next(value) : { done: true, value: undefined };
  }

  async return(value?: unknown): Promise<Step> {
    const source = await this.finish();
    return (await source?.return?.(value)) ?? { done: true, value };
  }

  async throw(error?: unknown): Promise<Step> {
    const source = await this.finish();
    if (!source?.throw) throw error;
    return source.throw(error);
  }

  private async begin(): Promise<AsyncIterator<unknown> | undefined> {
    try {
      const result = await this.#call(this.#cancellation);
      return isAsyncIterable(result) ? result[Symbol.asyncIterator]() : undefined;
    } catch (error) {
      // Like a generator that threw: the error once, then done.
      this.#source = Promise.resolve(undefined);
      throw error;
    }
  }

  /** An iteration that never began never will; one that waits leaves the queue. */
  private finish(): Promise<AsyncIterator<unknown> | undefined> {
    this.#cancellation.cancel('its iteration was ended');
    this.#source ??= Promise.resolve(undefined);
    return this.#source.catch(() => undefined);
  }
}
