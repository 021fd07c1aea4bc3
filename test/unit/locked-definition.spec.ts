import 'reflect-metadata';
import type { Observable } from 'rxjs';
import { LockUsageError, Locked } from '../../lib/index.js';

/** Applies the decorator the way a compiler does, without its types in the way. */
function decorate(target: object, property: string, key: unknown = 'a', options?: unknown): void {
  const descriptor = Object.getOwnPropertyDescriptor(target, property);
  const apply = Locked as (...args: unknown[]) => (...args: unknown[]) => void;
  apply(key, ...(options === undefined ? [] : [options]))(target, property, descriptor);
}

const problemOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(LockUsageError);
    return (error as Error).message;
  }
  throw new Error('it was taken');
};

class Stock {
  static async count(): Promise<number> {
    return Promise.resolve(1);
  }
  field = 1;
  get level(): number {
    return 1;
  }
  async take(sku: string): Promise<string> {
    return Promise.resolve(sku);
  }
  *list(): Generator<number> {
    yield 1;
  }
}

describe('@Locked at class definition', () => {
  const loose = Locked as unknown as (key: unknown) => (...args: unknown[]) => void;

  it.each([
    [
      'a class',
      () => {
        loose('a')(Stock);
      },
      'put on the class Stock',
    ],
    [
      'a static method',
      () => {
        decorate(Stock, 'count');
      },
      'put on the static member Stock.count',
    ],
    [
      'a property',
      () => {
        decorate(Stock.prototype, 'field');
      },
      'put on the property Stock.field',
    ],
    [
      'a property with a value',
      () => {
        loose('a')(Stock.prototype, 'n', { value: 1 });
      },
      'put on the property Stock.n',
    ],
    [
      'an accessor',
      () => {
        decorate(Stock.prototype, 'level');
      },
      'put on the accessor Stock.level',
    ],
    [
      'a parameter',
      () => {
        loose('a')(Stock.prototype, 'take', 0);
      },
      'put on a parameter of Stock.take',
    ],
    [
      'a parameter of the constructor',
      () => {
        loose('a')(Stock, undefined, 0);
      },
      'put on the class Stock',
    ],
    [
      'a generator',
      () => {
        decorate(Stock.prototype, 'list');
      },
      'put on Stock.list, a generator',
    ],
    [
      'a decorator of the new kind',
      () => {
        loose('a')(() => 1, { kind: 'method', name: 'take' });
      },
      'experimentalDecorators',
    ],
  ])('is refused on %s', (_, apply, problem) => {
    const message = problemOf(apply);
    expect(message).toMatch(/^@Locked is for instance methods, it was /);
    expect(message).toContain(problem);
  });

  it.each([
    ['order:<0><1>', 'stand side by side'],
    ['order:<0', 'is not closed'],
    ['', 'the key template is empty'],
    [[], 'a key is a template, an array of templates or a function, not an array'],
    [42, 'not 42'],
  ])('refuses the key %j', (key, problem) => {
    const message = problemOf(() => {
      decorate(Stock.prototype, 'take', key);
    });
    expect(message).toMatch(/^Stock\.take: /);
    expect(message).toContain(problem);
  });

  it.each([
    [{ leasetime: 5 }, 'unknown option "leasetime" (5)'],
    [
      { signal: 1 },
      'unknown option "signal" (1); known are mode, limit, permits, leaseTime, waitTime, maxHoldTime, renew, minHoldTime, fair, until, whenUnavailable, service, whenBusy',
    ],
    [{ leaseTime: 9 }, 'leaseTime must be a number of ms from 10 to 2147483647, received 9'],
    [{ leaseTime: Infinity }, 'received Infinity'],
    [
      { waitTime: -1 },
      'waitTime must be a number of ms from 0 to 2147483647, or Infinity, received -1',
    ],
    [{ waitTime: Number.NaN }, 'received NaN'],
    [{ waitTime: 2 ** 31 }, 'received 2147483648'],
    [{ waitTime: '5s' }, "received '5s'"],
    [{ whenBusy: 'ignore' }, "whenBusy must be 'throw', 'skip' or a function, received 'ignore'"],
    [{ whenBusy: null }, 'received null'],
    [null, 'the options of @Locked are an object, received null'],
    [5, 'received 5'],
  ])('refuses the options %j', (options, problem) => {
    const message = problemOf(() => {
      decorate(Stock.prototype, 'take', 'a', options);
    });
    expect(message).toMatch(/^Stock\.take: /);
    expect(message).toContain(problem);
  });

  it.each([
    [{ waitTime: Infinity, maxHoldTime: Infinity }],
    [{ leaseTime: undefined, waitTime: undefined, whenBusy: undefined, fair: undefined }],
  ])('takes the options %j', (options) => {
    class Taken {
      async take(): Promise<void> {
        return Promise.resolve();
      }
    }
    expect(() => {
      decorate(Taken.prototype, 'take', 'a', options);
    }).not.toThrow();
  });

  it('leaves the method as it was when it refuses', () => {
    const before = Object.getOwnPropertyDescriptor(Stock.prototype, 'take')?.value as unknown;
    problemOf(() => {
      decorate(Stock.prototype, 'take', '<0><1>');
    });
    expect(Object.getOwnPropertyDescriptor(Stock.prototype, 'take')?.value).toBe(before);
  });

  it('is refused by the compiler where the caller would not get what is declared', () => {
    class Typed {
      @Locked('a:<0>') async promise(id: number): Promise<number> {
        return Promise.resolve(id);
      }
      @Locked('a:<0>') async *iterable(id: number): AsyncGenerator<number> {
        yield Promise.resolve(id);
      }
      @Locked('a') observable(): Observable<number> {
        throw new Error('not called');
      }
      @Locked((id: number) => `a:${id}`) async byFunction(
        id: number,
        more: string,
      ): Promise<string> {
        return Promise.resolve(`${id}${more}`);
      }
      @Locked('a', { whenBusy: (error, id: number) => `${error.code} ${id}` }) async busy(
        id: number,
      ): Promise<string> {
        return Promise.resolve(`${id}`);
      }
      @Locked((id: number) => `a:${id}`, {
        whenBusy: (error, _: number, more: string) => `${error.code} ${more}`,
      })
      async both(id: number, more: string): Promise<string> {
        return Promise.resolve(`${id}${more}`);
      }

      // @ts-expect-error a plain value is no promise
      @Locked('a') plain(): number {
        return 1;
      }
      // @ts-expect-error nor is nothing
      @Locked('a') nothing(): void {
        this.field = 1;
      }
      // @ts-expect-error the key function is for another argument
      @Locked((id: number) => `a:${id}`) async wrong(id: string): Promise<string> {
        return Promise.resolve(id);
      }
      // @ts-expect-error the method has fewer arguments
      @Locked((id: number, more: string) => `a:${id}${more}`) async fewer(
        id: number,
      ): Promise<number> {
        return Promise.resolve(id);
      }
      // @ts-expect-error whenBusy is for another argument
      @Locked('a', { whenBusy: (_, id: number) => id }) async wrongBusy(
        id: string,
      ): Promise<string> {
        return Promise.resolve(id);
      }

      field = 0;
    }
    expect(typeof Typed.prototype.promise).toBe('function');
  });
});
