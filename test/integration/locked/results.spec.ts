import { Controller, Get, Injectable, Module, Sse, type MessageEvent } from '@nestjs/common';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import {
  Observable,
  Subject,
  concat,
  firstValueFrom,
  lastValueFrom,
  of,
  take,
  throwError,
} from 'rxjs';
import {
  Locked,
  LockLostError,
  LockService,
  LockUsageError,
  MemoryStore,
  RedisLockModule,
  currentLock,
} from '../../../lib/index.js';
import type { Lock } from '../../../lib/index.js';
import { closeApps, startApp } from '../../support/nest-app.js';

const failure = new Error('in the middle');
let source: Subject<number>;
let runs: string[];
let lock: Lock;

class Rows implements AsyncIterable<number> {
  readonly #rows = [1, 2];
  count(): number {
    return this.#rows.length;
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    for (const row of this.#rows) yield row;
  }
}

@Injectable()
class Streams {
  @Locked('s:<0>')
  observable(id: number): Observable<number> {
    runs.push(`called ${id}`);
    return source;
  }

  @Locked('s:<0>')
  async laterObservable(id: number): Promise<Observable<number>> {
    runs.push(`called ${id}`);
    return source;
  }

  @Locked('s:<0>')
  failing(id: number): Observable<number> {
    return concat(
      of(id),
      throwError(() => failure),
    );
  }

  @Locked('s:<0>')
  async *generator(id: number): AsyncGenerator<number, string, string | undefined> {
    runs.push(`began ${id}`);
    try {
      const said = yield id;
      runs.push(`said ${String(said)} ${String(currentLock().isHeld())}`);
      yield id + 1;
      return 'end';
    } finally {
      runs.push('cleaned up');
    }
  }

  @Locked('s:<0>')
  async *breaking(id: number): AsyncGenerator<number> {
    yield id;
    throw failure;
  }

  @Locked('s:<0>')
  async laterIterable(id: number): Promise<Rows> {
    runs.push(`called ${id}`);
    return new Rows();
  }

  @Locked('s:<0>')
  async laterStream(id: number): Promise<Readable> {
    return Readable.from([`${id}`, 'b']);
  }

  @Locked('s:<0>')
  async endless(_id: number): Promise<Readable> {
    lock = currentLock();
    return new Readable({ read: () => undefined });
  }

  @Locked('s:<0>')
  async laterWebStream(id: number): Promise<ReadableStream<number>> {
    return ReadableStream.from([id, 2, 3]);
  }

  @Locked('s:<0>', { waitTime: 0, whenBusy: 'skip' })
  skipObservable(id: number): Observable<number> {
    return of(id);
  }

  @Locked('s:<0>', { waitTime: 0, whenBusy: 'skip' })
  async *skipGenerator(id: number): AsyncGenerator<number> {
    yield id;
  }

  @Locked('s:<0>', { waitTime: 0, whenBusy: (_, id: number) => of(-id) })
  insteadObservable(id: number): Observable<number> {
    return of(id);
  }
}

@Controller()
class Routes {
  constructor(private readonly locks: LockService) {}

  @Get('observable')
  @Locked('s:http')
  observable(): Observable<string> {
    return of('last', currentLock().key);
  }

  @Get('generator')
  @Locked('s:http', { waitTime: 0 })
  async *generator(): AsyncGenerator<string> {
    yield 'a';
    yield currentLock().key;
    yield String((await this.locks.inspect('s:http')).holders.length > 0);
  }

  @Sse('sse')
  @Locked('s:http')
  sse(): Observable<MessageEvent> {
    return of({ data: 'a' }, { data: currentLock().key });
  }
}

describe('the results of a locked method', () => {
  let streams: Streams;
  let locks: LockService;
  let ask: Awaited<ReturnType<typeof startApp>>['ask'];
  const isHeld = async (id: number | string = 1) =>
    (await locks.inspect(`s:${id}`)).holders.length > 0;
  /** Lets promises settle that wait for nothing but each other. */
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  beforeEach(async () => {
    @Module({
      imports: [RedisLockModule.forRoot({ store: new MemoryStore() })],
      controllers: [Routes],
      providers: [Streams],
    })
    class AppModule {}
    const running = await startApp(AppModule);
    ({ ask } = running);
    streams = running.app.get(Streams);
    locks = running.app.get(LockService);
    source = new Subject();
    runs = [];
  });
  afterEach(closeApps);

  it('an Observable takes the lock when subscribed to, and holds it until it completes', async () => {
    const result = streams.observable(1);
    expect(result).toBeInstanceOf(Observable);
    await turn();
    expect([await isHeld(), runs]).toEqual([false, []]);

    const seen: number[] = [];
    const end = result.forEach((value) => seen.push(value));
    await turn();
    expect(await isHeld()).toBe(true);
    source.next(1);
    source.next(2);
    expect(await isHeld()).toBe(true);
    source.complete();
    await end;
    expect(seen).toEqual([1, 2]);
    expect(await isHeld()).toBe(false);
  });

  it('an Observable that fails or is unsubscribed from releases the lock', async () => {
    await expect(lastValueFrom(streams.failing(1))).rejects.toBe(failure);
    expect(await isHeld()).toBe(false);

    const subscription = streams.observable(1).subscribe();
    await turn();
    expect(await isHeld()).toBe(true);
    subscription.unsubscribe();
    await turn();
    expect(await isHeld()).toBe(false);

    expect(await firstValueFrom(streams.failing(1).pipe(take(1)))).toBe(1);
    await turn();
    expect(await isHeld()).toBe(false);
  });

  it('No leftover: an Observable unsubscribed from while it waits leaves the queue and never runs', async () => {
    const lock = await locks.acquire('s:1');
    const subscription = streams.observable(1).subscribe();
    await turn();
    expect((await locks.inspect('s:1')).waiting).toBe(1);
    subscription.unsubscribe();
    expect((await locks.inspect('s:1')).waiting).toBe(0);
    await lock.release();
    await turn();
    expect([await isHeld(), runs]).toEqual([false, []]);
  });

  it('each subscription to an Observable is a call of its own', async () => {
    const result = streams.observable(1);
    const first = result.subscribe();
    const second = result.subscribe();
    await turn();
    expect(runs).toEqual(['called 1']);
    first.unsubscribe();
    await turn();
    expect(runs).toEqual(['called 1', 'called 1']);
    second.unsubscribe();
    await turn();
    expect(await isHeld()).toBe(false);
  });

  it('a promise of an Observable holds the lock until that ends, for one subscriber', async () => {
    const result = await streams.laterObservable(1);
    expect(await isHeld()).toBe(true);
    const end = lastValueFrom(result);
    source.next(7);
    await expect(lastValueFrom(result)).rejects.toBeInstanceOf(LockUsageError);
    expect(await isHeld()).toBe(true);
    source.complete();
    expect(await end).toBe(7);
    expect(await isHeld()).toBe(false);
  });

  it('an async generator takes the lock at its first step, and holds it until it is done', async () => {
    const steps = streams.generator(1);
    await turn();
    expect(await isHeld()).toBe(false);
    expect(await steps.next()).toEqual({ done: false, value: 1 });
    expect(await isHeld()).toBe(true);
    expect(await steps.next('hello')).toEqual({ done: false, value: 2 });
    expect(await isHeld()).toBe(true);
    expect(await steps.next()).toEqual({ done: true, value: 'end' });
    expect(await isHeld()).toBe(false);
    expect(runs).toEqual(['began 1', 'said hello true', 'cleaned up']);
    expect(await steps.next()).toEqual({ done: true, value: undefined });
  });

  it('an async generator that is left, or that throws, releases the lock', async () => {
    for await (const value of streams.generator(1)) {
      expect(value).toBe(1);
      expect(await isHeld()).toBe(true);
      break;
    }
    expect(await isHeld()).toBe(false);
    expect(runs).toEqual(['began 1', 'cleaned up']);

    const steps = streams.breaking(1);
    await steps.next();
    await expect(steps.next()).rejects.toBe(failure);
    expect(await isHeld()).toBe(false);
    expect((await steps.next()).done).toBe(true);

    const thrown = streams.generator(1);
    await thrown.next();
    await expect(thrown.throw(failure)).rejects.toBe(failure);
    expect(await isHeld()).toBe(false);
  });

  it('a generator that was never begun takes no lock', async () => {
    const steps = streams.generator(1);
    expect(await steps.return('none')).toEqual({ done: true, value: 'none' });
    expect((await steps.next()).done).toBe(true);
    expect([await isHeld(), runs]).toEqual([false, []]);
  });

  it('No leftover: a generator that is left while it waits leaves the queue and never runs', async () => {
    const lock = await locks.acquire('s:1');
    const steps = streams.generator(1);
    const first = steps.next().catch((error: unknown) => error);
    await turn();
    expect((await locks.inspect('s:1')).waiting).toBe(1);
    await steps.return('none');
    expect(await first).toMatchObject({
      name: 'LockAbortedError',
      detail: 'waiting for "s:1" was called off: its iteration was ended',
      cause: 'its iteration was ended',
    });
    expect((await locks.inspect('s:1')).waiting).toBe(0);
    await lock.release();
    expect(runs).toEqual([]);
  });

  it('a promise of an async iterable holds the lock to its end, and keeps its class', async () => {
    const rows = await streams.laterIterable(1);
    expect(rows).toBeInstanceOf(Rows);
    expect(rows.count()).toBe(2);
    expect(await isHeld()).toBe(true);
    const seen: number[] = [];
    for await (const row of rows) {
      seen.push(row);
      expect(await isHeld()).toBe(true);
    }
    expect(seen).toEqual([1, 2]);
    expect(await isHeld()).toBe(false);
  });

  it('a promise of a stream holds the lock until the stream has ended', async () => {
    const stream = await streams.laterStream(1);
    expect(stream).toBeInstanceOf(Readable);
    expect(await isHeld()).toBe(true);
    expect(await text(stream)).toBe('1b');
    await turn();
    expect(await isHeld()).toBe(false);
  });

  it('a promise of a web stream holds the lock until it was read or cancelled', async () => {
    const reader = (await streams.laterWebStream(1)).getReader();
    expect(await reader.read()).toEqual({ done: false, value: 1 });
    expect(await isHeld()).toBe(true);
    await reader.cancel();
    expect(await isHeld()).toBe(false);

    const seen: number[] = [];
    for await (const value of await streams.laterWebStream(1)) seen.push(value);
    expect(seen).toEqual([1, 2, 3]);
    expect(await isHeld()).toBe(false);
  });

  it('No leftover: a promised Observable, iterable or stream that nobody consumes gives its lock back', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const observable = await streams.laterObservable(1);
      const iterable = await streams.laterIterable(2);
      const stream = await streams.laterStream(3);
      const consumed = (await streams.laterIterable(4))[Symbol.asyncIterator]();
      await consumed.next();
      const failed = once(stream, 'error');

      await jest.advanceTimersByTimeAsync(599_000);
      for (const id of [1, 2, 3, 4]) expect(await isHeld(id)).toBe(true);
      await jest.advanceTimersByTimeAsync(2_000);
      await turn();
      for (const id of [1, 2, 3]) expect(await isHeld(id)).toBe(false);
      expect(await isHeld(4)).toBe(true);

      await expect(lastValueFrom(observable)).rejects.toBeInstanceOf(LockLostError);
      await expect(iterable[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(LockLostError);
      expect(((await failed) as unknown[])[0]).toBeInstanceOf(LockLostError);
      expect(await consumed.next()).toEqual({ done: false, value: 2 });
      expect((await consumed.next()).done).toBe(true);
      expect(await isHeld(4)).toBe(false);
    } finally {
      jest.useRealTimers();
    }
  });

  it('No silent loss: a stream whose lock is lost is destroyed with the error', async () => {
    const stream = await streams.endless(1);
    const failed = once(stream, 'error');
    await locks.forceRelease('s:1');
    await lock.extend().catch(() => undefined);
    expect(((await failed) as unknown[])[0]).toBeInstanceOf(LockLostError);
    expect(stream.destroyed).toBe(true);
  });

  it('No silent loss: an Observable and a generator whose lock is lost end with the error', async () => {
    const end = lastValueFrom(streams.observable(1));
    await turn();
    await locks.forceRelease('s:1');
    source.complete();
    await expect(end).rejects.toBeInstanceOf(LockLostError);

    const steps = streams.generator(1);
    await steps.next();
    await steps.next();
    await locks.forceRelease('s:1');
    await expect(steps.next()).rejects.toBeInstanceOf(LockLostError);
  });

  it('a skipped Observable is empty, a skipped generator done', async () => {
    const lock = await locks.acquire('s:1');
    expect(await lastValueFrom(streams.skipObservable(1), { defaultValue: 'none' })).toBe('none');
    expect(await streams.skipGenerator(1).next()).toEqual({ done: true, value: undefined });
    expect(await lastValueFrom(streams.insteadObservable(1))).toBe(-1);
    await lock.release();
    expect(await lastValueFrom(streams.skipObservable(1))).toBe(1);
    for await (const value of streams.skipGenerator(1)) expect(value).toBe(1);
  });

  it('handlers may return all of them', async () => {
    expect((await ask('/observable')).body).toBe('s:http');
    expect(await isHeld('http')).toBe(false);
    expect((await ask('/sse')).body).toContain('data: s:http');
    expect(await isHeld('http')).toBe(false);
    const streamed = await ask('/generator');
    expect(streamed).toMatchObject({ status: 200, body: 'as:httptrue' });
    await turn();
    expect(await isHeld('http')).toBe(false);

    const lock = await locks.acquire('s:http');
    expect((await ask('/generator')).status).toBe(423);
    await lock.release();
  });
});
