import {
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  Param,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { request } from 'node:http';
import { retry, timeout, type Observable } from 'rxjs';
import {
  Locked,
  LockService,
  MemoryStore,
  RedisLockModule,
  currentLock,
} from '../../../lib/index.js';
import type { Attempt, AttemptListener, LeaseRequest } from '../../../lib/index.js';
import { Gate, Stage } from '../../support/gate.js';
import { closeApps, startApp } from '../../support/nest-app.js';

/** Tells who came to the store, and when somebody left its queue. */
class WatchedStore extends MemoryStore {
  asked = 0;
  readonly waiting = new Gate();
  readonly hasLeft = new Gate();

  override acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    this.asked += 1;
    const attempt = super.acquire(request, listener);
    const leave = attempt.leave.bind(attempt);
    attempt.leave = () => {
      leave();
      this.hasLeft.open();
    };
    if (this.asked > 1) this.waiting.open();
    return attempt;
  }
}

@Injectable()
class Impatient implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(timeout(50));
  }
}

@Injectable()
class Retrying implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(retry(2));
  }
}

let stage: Stage;
let runs: string[];

@Injectable()
class Shelf {
  constructor(private readonly locks: LockService) {}

  @Locked('shelf:<0>')
  async own(id: string): Promise<void> {
    runs.push(`shelf ${String(currentLock(`shelf:${id}`).isHeld())} ${id}`);
  }

  @Locked('order:<0>')
  async same(id: string): Promise<void> {
    runs.push(`same ${String(currentLock().isHeld())} ${id}`);
  }

  isFree(key: string): Promise<boolean> {
    return this.locks.inspect(key).then(({ holders }) => holders.length === 0);
  }
}

@Controller()
class Orders {
  constructor(private readonly shelf: Shelf) {}

  @Post('slow/:id')
  @Locked('order:<0>', { waitTime: 120_000 })
  async slow(@Param('id') id: string): Promise<string> {
    runs.push(`slow ${id}`);
    await stage.pause();
    return 'done';
  }

  @Post('impatient/:id')
  @UseInterceptors(Impatient)
  @Locked('order:<0>')
  async impatient(@Param('id') id: string): Promise<string> {
    runs.push(`impatient ${id}`);
    await stage.pause();
    runs.push(`still held ${String(currentLock().isHeld())}`);
    return 'done';
  }

  @Post('flaky/:id')
  @UseInterceptors(Retrying)
  @Locked('order:<0>', { waitTime: 0 })
  async flaky(@Param('id') id: string): Promise<string> {
    runs.push(`flaky ${id} ${String(currentLock().isHeld())}`);
    if (runs.length < 3) throw new Error('again');
    return 'done';
  }

  @Post('nested/:id')
  @Locked('order:<0>', { waitTime: 0 })
  async nested(@Param('id') id: string): Promise<boolean[]> {
    await this.shelf.own(id);
    const free = await this.shelf.isFree(`shelf:${id}`);
    await this.shelf.same(id);
    return [free, await this.shelf.isFree(`order:${id}`)];
  }

  @Post('twice/:id')
  @Locked('order:<0>')
  @Locked('stock:<0>')
  async twice(@Param('id') id: string): Promise<string[]> {
    return [currentLock(`order:${id}`).key, currentLock(`stock:${id}`).key];
  }

  @Post('flaky-twice/:id')
  @UseInterceptors(Retrying)
  @Locked('order:<0>', { waitTime: 0 })
  @Locked('stock:<0>', { waitTime: 0 })
  async flakyTwice(@Param('id') id: string): Promise<string> {
    runs.push(id);
    if (runs.length < 3) throw new Error('again');
    return 'done';
  }

  @Get('free')
  async free(): Promise<string> {
    return 'unlocked';
  }
}

describe('the scope of a handler', () => {
  let store: WatchedStore;

  async function start() {
    @Module({
      imports: [RedisLockModule.forRoot({ store })],
      controllers: [Orders],
      providers: [Shelf],
    })
    class AppModule {}
    const running = await startApp(AppModule);
    return { ...running, locks: running.app.get(LockService) };
  }
  const post = { method: 'POST' };

  beforeEach(() => {
    store = new WatchedStore();
    stage = new Stage();
    runs = [];
  });
  afterEach(closeApps);

  it('No leftover: a client that goes while its handler waits takes it out of the queue', async () => {
    const { url, ask, locks } = await start();
    const first = ask('/slow/1', post);
    await stage.entered;

    const gone = request(`${url}/slow/1`, post);
    gone.on('error', () => undefined);
    gone.end();
    await store.waiting.opened;
    expect((await locks.inspect('order:1')).waiting).toBe(1);
    gone.destroy();
    await store.hasLeft.opened;
    expect((await locks.inspect('order:1')).waiting).toBe(0);

    stage.goOn();
    expect(await first).toMatchObject({ status: 201, body: 'done' });
    expect(runs).toEqual(['slow 1']);
  });

  it('No leftover: no listener stays on the response when the wait is over', async () => {
    const { app, ask } = await start();
    const counts: number[] = [];
    const server = app.getHttpServer() as NodeJS.EventEmitter;
    server.prependListener('request', (_, response: NodeJS.EventEmitter) => {
      response.once('finish', () => counts.push(response.listenerCount('close')));
    });
    await ask('/free');
    const first = ask('/slow/1', post);
    await stage.entered;
    const second = ask('/slow/1', post);
    await store.waiting.opened;
    stage.goOn();
    await Promise.all([first, second]);
    expect(counts).toHaveLength(3);
    expect(new Set(counts).size).toBe(1);
  });

  it('Exclusion: an interceptor that loses patience with the method does not end its lock', async () => {
    const { ask, locks } = await start();
    expect((await ask('/impatient/1', post)).status).toBe(500);
    expect((await locks.inspect('order:1')).holders).toHaveLength(1);
    expect(await locks.tryAcquire('order:1')).toBeNull();
    stage.goOn();
    await using lock = await locks.acquire('order:1');
    expect(lock.isHeld()).toBe(true);
    expect(runs).toEqual(['impatient 1', 'still held true']);
  });

  it('No leftover: an interceptor that loses patience with the wait takes the handler out of the queue', async () => {
    const { ask, locks } = await start();
    const lock = await locks.acquire('order:1');
    expect((await ask('/impatient/1', post)).status).toBe(500);
    expect((await locks.inspect('order:1')).waiting).toBe(0);
    await lock.release();
    expect(runs).toEqual([]);
  });

  it('an interceptor that tries again finds the lock still held', async () => {
    const { ask, locks } = await start();
    expect(await ask('/flaky/1', post)).toMatchObject({ status: 201, body: 'done' });
    expect(runs).toEqual(Array(3).fill('flaky 1 true'));
    expect((await locks.inspect('order:1')).holders).toEqual([]);
    expect(store.asked).toBe(1);
    runs = [];
    expect(await ask('/flaky-twice/2', post)).toMatchObject({ status: 201, body: 'done' });
    expect((await locks.inspect('stock:2')).holders).toEqual([]);
    expect(store.asked).toBe(3);
  });

  it('a service called by the handler releases its own lock at its own end', async () => {
    const { ask, locks } = await start();
    expect(await ask('/nested/1', post)).toMatchObject({ status: 201, body: [true, false] });
    expect(runs).toEqual(['shelf true 1', 'same true 1']);
    expect((await locks.inspect('order:1')).holders).toEqual([]);
  });

  it('two locks on one handler are both held, and both released', async () => {
    const { ask, locks } = await start();
    expect((await ask('/twice/1', post)).body).toEqual(['order:1', 'stock:1']);
    expect((await locks.inspect('order:1')).holders).toEqual([]);
    expect((await locks.inspect('stock:1')).holders).toEqual([]);
  });

  it('requests for other keys and unlocked routes are not held up', async () => {
    const { ask } = await start();
    const first = ask('/slow/1', post);
    await stage.entered;
    expect((await ask('/free')).body).toBe('unlocked');
    expect((await ask('/nested/2', post)).status).toBe(201);
    stage.goOn();
    await first;
  });
});
