import { finished, type Stream } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { Hold } from './hold.js';
import { Turn } from './turn.js';

type Values = AsyncIterable<unknown>;
type Step = IteratorResult<unknown>;

export function isAsyncIterable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Holds locks until an async iterable is done, fails or is returned from. */
export function holdIterable(source: Values, hold: Hold): Values {
  if (isStream(source)) {
    // A stream is also piped, and known by its class: it stays as it is.
    finished(source, () => void hold.end());
    return source;
  }
  const held = (): HeldIterator => new HeldIterator(source[Symbol.asyncIterator](), hold);
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
  readonly #hold: Hold;

  constructor(source: AsyncIterator<unknown>, hold: Hold) {
    super();
    this.#source = source;
    this.#hold = hold;
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
    try {
      const step = await this.#hold.run(move);
      if (step.done === true) await this.#hold.end();
      return step;
    } catch (error) {
      await this.#hold.end();
      throw error;
    }
  }
}

/** The result of an async generator method: the call, and its lock, begin with the first step. */
export class LazyIterator extends LockedIterator {
  readonly #turn = new Turn();
  readonly #call: (turn: Turn) => Promise<unknown>;
  #source: Promise<AsyncIterator<unknown> | undefined> | undefined;

  constructor(call: (turn: Turn) => Promise<unknown>) {
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
      const result = await this.#call(this.#turn);
      return isAsyncIterable(result) ? result[Symbol.asyncIterator]() : undefined;
    } catch (error) {
      // Like a generator that threw: the error once, then done.
      this.#source = Promise.resolve(undefined);
      throw error;
    }
  }

  /** An iteration that never began never will; one that stands in line steps out of it. */
  private finish(): Promise<AsyncIterator<unknown> | undefined> {
    this.#turn.giveUp('its iteration was ended');
    this.#source ??= Promise.resolve(undefined);
    return this.#source.catch(() => undefined);
  }
}
