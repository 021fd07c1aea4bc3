import {
  Controller,
  Get,
  Injectable,
  Module,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Observable, lastValueFrom, of, retry, toArray } from 'rxjs';
import {
  LockBusyError,
  LockService,
  LockUsageError,
  Locked,
  MemoryStore,
  RedisLockModule,
} from '../../../lib/index.js';
import { closeApps, startApp } from '../../support/nest-app.js';

type Task = (lock: undefined) => unknown;

@Injectable()
class Retrying implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(retry(2));
  }
}

@Injectable()
class Work {
  runs = 0;

  @Locked(['a:<0>', 'b'], { waitTime: 7 })
  async promise(id: number): Promise<number> {
    return id;
  }

  @Locked('a:<0>')
  async fails(id: number): Promise<number> {
    throw new Error(`of its own ${id}`);
  }

  @Locked('a:<0>')
  observable(id: number): Observable<number> {
    return of(id, id + 1);
  }

  @Locked('a:<0>')
  async *generator(id: number): AsyncGenerator<number> {
    yield id;
    yield id + 1;
  }

  @Locked('a:<0>')
  async later(id: number): Promise<Observable<number>> {
    return of(id, id + 1);
  }

  @Locked('a:<0>', { whenBusy: 'skip' })
  async skips(id: number): Promise<number | undefined> {
    return id;
  }
}

@Controller()
class Routes {
  constructor(private readonly work: Work) {}

  @Get()
  @UseInterceptors(Retrying)
  @Locked('route')
  async flaky(): Promise<string> {
    this.work.runs += 1;
    if (this.work.runs < 3) throw new Error('again');
    return `run ${this.work.runs}`;
  }
}

/** A service of a test: it runs the task, and remembers how it was called. */
class Fake {
  readonly calls: unknown[][] = [];

  using(...call: [key: unknown, options: unknown, task: Task]): unknown {
    this.calls.push(call.slice(0, 2));
    return call[2](undefined);
  }
}

async function workWith(service: object): Promise<Work> {
  const module = await Test.createTestingModule({
    providers: [Work, { provide: LockService, useValue: service }],
  }).compile();
  return module.get(Work);
}

describe('@Locked with a mocked LockService', () => {
  afterEach(closeApps);

  it('asks for nothing but `using(key, options, task)`', async () => {
    const fake = new Fake();
    const work = await workWith({ using: fake.using.bind(fake) });
    expect(await work.promise(1)).toBe(1);
    expect(fake.calls).toEqual([[['a:1', 'b'], { waitTime: 7 }]]);
    await expect(work.fails(1)).rejects.toThrow('of its own 1');
    expect(fake.calls.at(-1)).toEqual(['a:1', {}]);
  });

  it('gives Observables and generators as they are', async () => {
    const work = await workWith(new Fake());
    expect(await lastValueFrom(work.observable(1).pipe(toArray()))).toEqual([1, 2]);
    expect(await lastValueFrom((await work.later(3)).pipe(toArray()))).toEqual([3, 4]);
    const seen: number[] = [];
    for await (const value of work.generator(5)) seen.push(value);
    expect(seen).toEqual([5, 6]);
  });

  it('passes on what the service rejects with, or does about it what the method was told to', async () => {
    const busy = new LockBusyError('a:1', 5);
    const work = await workWith({ using: () => Promise.reject(busy) });
    await expect(work.promise(1)).rejects.toBe(busy);
    await expect(lastValueFrom(work.observable(1))).rejects.toBe(busy);
    await expect(work.generator(1).next()).rejects.toBe(busy);
    expect(await work.skips(1)).toBeUndefined();
  });

  it('does not wait for ever when the service never runs the task', async () => {
    const work = await workWith({ using: jest.fn() });
    expect(await work.promise(1)).toBeUndefined();
    await expect(lastValueFrom(work.observable(1))).rejects.toBeInstanceOf(LockUsageError);
  });

  it('serves handlers too, and those that are tried again', async () => {
    const fake = new Fake();
    const module = await Test.createTestingModule({
      imports: [RedisLockModule.forRoot({ store: new MemoryStore() })],
      controllers: [Routes],
      providers: [Work],
    })
      .overrideProvider(LockService)
      .useValue(fake)
      .compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    const answer = await fetch(await app.getUrl());
    expect(await answer.text()).toBe('run 3');
    expect(fake.calls.map(([key]) => key)).toEqual(['route', 'route', 'route']);
    await app.close();
  });

  it('serves an application that provides its own', async () => {
    const fake = new Fake();
    @Module({
      controllers: [Routes],
      providers: [Work, { provide: LockService, useValue: fake }],
    })
    class AppModule {}
    const { app } = await startApp(AppModule);
    expect(await app.get(Work).promise(1)).toBe(1);
    expect(fake.calls).toHaveLength(1);
  });
});
