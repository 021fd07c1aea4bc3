import 'reflect-metadata';
import { SetMetadata } from '@nestjs/common';
import { Observable } from 'rxjs';
import { LeaderOnly, LockUsageError, getLeaderElectionToken } from '../../lib/index.js';
import type { IfLeader } from '../../lib/index.js';

/** Applies the decorator the way a compiler does, without its types in the way. */
function decorate(target: object, property: string, name?: unknown): void {
  const descriptor = Object.getOwnPropertyDescriptor(target, property);
  const apply = LeaderOnly as (...args: unknown[]) => (...args: unknown[]) => void;
  apply(name)(target, property, descriptor);
  if (descriptor) Object.defineProperty(target, property, descriptor);
}

class Jobs {
  static async all(): Promise<void> {}
  get level(): number {
    return 1;
  }
  *list(): Generator<number> {
    yield 1;
  }
  async *stream(): AsyncGenerator<number> {
    yield 1;
  }
  @SetMetadata('mark', 1)
  watch(): Observable<number> {
    return new Observable();
  }
}

/** An instance as Nest builds it, with an election that is asked. */
function built<T extends object>(instance: T, election: IfLeader): T {
  const deps = Reflect.getMetadata('self:properties_metadata', instance.constructor) as {
    key: string | symbol;
  }[];
  for (const { key } of deps) Object.assign(instance, { [key]: election });
  return instance;
}

describe('@LeaderOnly', () => {
  it.each([
    ['a static method', () => decorate(Jobs, 'all'), 'put on the static member Jobs.all'],
    ['an accessor', () => decorate(Jobs.prototype, 'level'), 'put on the accessor Jobs.level'],
    ['a property', () => decorate(Jobs.prototype, 'nothing'), 'put on the property Jobs.nothing'],
    [
      'a generator',
      () => decorate(Jobs.prototype, 'list'),
      'put on Jobs.list, which returns an iterable: where this process is not leader there would be none',
    ],
    [
      'an async generator',
      () => decorate(Jobs.prototype, 'stream'),
      'put on Jobs.stream, which returns an iterable',
    ],
    [
      'a method that returns an Observable',
      () => decorate(Jobs.prototype, 'watch'),
      'put on Jobs.watch, which returns an Observable',
    ],
  ])('is refused on %s', (_, apply, problem) => {
    expect(apply).toThrow(LockUsageError);
    expect(apply).toThrow(`@LeaderOnly() is for instance methods, it was ${problem}`);
  });

  it.each(['', 5, null])('refuses the name %j', (name) => {
    class Some {
      async run(): Promise<void> {}
    }
    expect(() => decorate(Some.prototype, 'run', name)).toThrow(
      /^the name of an election is a non-empty string, received /,
    );
  });

  it('is refused by the compiler where a caller could not do without a result', () => {
    class Typed {
      @LeaderOnly()
      async promised(id: string): Promise<string> {
        return id;
      }
      @LeaderOnly()
      nothing(): void {}
      // @ts-expect-error -- who calls it would get a promise, or nothing
      @LeaderOnly()
      text(): string {
        return '';
      }
    }
    expect(Typed.prototype).toBeInstanceOf(Object);
  });

  it('asks its election at every call, with the instance and the arguments of the call', async () => {
    class Some {
      readonly own = 'own';
      @LeaderOnly()
      async run(...args: number[]): Promise<unknown> {
        return [this.own, ...args];
      }
    }
    let leads = true;
    const some = built(new Some(), {
      ifLeader: async (task) => (leads ? task(undefined as never) : undefined),
    });
    expect(await some.run(1, 2)).toEqual(['own', 1, 2]);
    leads = false;
    expect(await some.run(1, 2)).toBeUndefined();
  });

  it('two of them on one method must both be leader', async () => {
    class Some {
      @LeaderOnly('one')
      @LeaderOnly('other')
      async run(): Promise<string> {
        return 'ran';
      }
    }
    const asked: boolean[] = [];
    const some = built(new Some(), {
      ifLeader: async (task) => {
        asked.push(true);
        return task(undefined as never);
      },
    });
    expect(await some.run()).toBe('ran');
    expect(asked).toHaveLength(2);
    expect(getLeaderElectionToken('one')).not.toBe(getLeaderElectionToken('other'));
  });

  it('Never unlocked: an instance that Nest did not build does not run its method', async () => {
    const ran: string[] = [];
    class Some {
      @LeaderOnly()
      async run(): Promise<void> {
        ran.push('ran');
      }
    }
    await expect(new Some().run()).rejects.toThrow(
      /^Some\.run was called on an object that Nest did not build, so it is not known who leads/,
    );
    expect(ran).toEqual([]);
  });

  it('keeps the marks of other decorators, name and length', () => {
    class Some {
      @SetMetadata('above', 1)
      @LeaderOnly()
      @SetMetadata('below', 2)
      async run(first: string, second: string): Promise<string> {
        return first + second;
      }
    }
    // eslint-disable-next-line @typescript-eslint/unbound-method -- looked at, not called
    const { run } = Some.prototype;
    expect(Reflect.getMetadata('above', run)).toBe(1);
    expect(Reflect.getMetadata('below', run)).toBe(2);
    expect(run.name).toBe('run');
    expect(run).toHaveLength(2);
  });
});
