import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import {
  Catch,
  Controller,
  Get,
  Module,
  Post,
  Res,
  Sse,
  StreamableFile,
  UseInterceptors,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { of, Subject, type Observable } from 'rxjs';
import {
  LockAbortedError,
  LockLostError,
  LockService,
  Locked,
  currentLock,
  type Lock,
  type RedisLockModuleOptions,
} from '../../../lib/index.js';
import { Stage } from '../../support/gate.js';
import { sleep, until, watch } from '../../support/until.js';
import { describeContext, told, type Client, type HandlerName } from './contract.js';
import { KEY, Watching, ground, leaksIn, newGround } from './ground.js';
import { Recorder } from './recorder.js';

/**
 * Makes an application of a root module on one of the platforms.
 * @param cuts whether its connections are cut when it closes, by `forceCloseConnections`
 */
export type Boot = (root: Type, cuts?: boolean) => Promise<INestApplication>;

interface HttpAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

let events: Subject<string>;
let body: Readable;
/** The lock of the handler that sends `body`. */
let fileLock: Lock;
/** The work of `staged`. */
let stage: Stage;
/** What `staged` saw of its lock. */
let signal: AbortSignal | undefined;

@Controller()
@UseInterceptors(Watching)
class Handlers {
  @Get('quick')
  @Locked(KEY, { waitTime: 0 })
  quick(): Promise<string> {
    return ground.work();
  }

  @Get('patient')
  @Locked(KEY, { waitTime: 60_000 })
  patient(): Promise<string> {
    return ground.work();
  }

  @Get('losing')
  @Locked(KEY)
  losing(): Promise<string> {
    return ground.lose();
  }

  @Get('staged')
  @Locked(KEY)
  async staged(): Promise<string> {
    ({ signal } = currentLock());
    await stage.pause();
    return ground.work();
  }

  @Post('skips')
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  async skips(): Promise<string | undefined> {
    return ground.work();
  }

  @Get('skips-values')
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  skipsValues(): Observable<string> {
    return of('done');
  }

  @Get('skips-itself')
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  async skipsItself(@Res() response: { send(body: string): void }): Promise<void> {
    response.send(await ground.work());
  }

  @Sse('events')
  @Locked(KEY, { waitTime: 200 })
  events(): Observable<string> {
    ground.runs += 1;
    return events;
  }

  @Sse('skipped-events')
  @Locked(KEY, { waitTime: 0, whenBusy: 'skip' })
  skippedEvents(): Observable<string> {
    return events;
  }

  @Get('file')
  @Locked(KEY, { waitTime: 0 })
  async file(): Promise<StreamableFile> {
    ground.runs += 1;
    fileLock = currentLock();
    return Promise.resolve(new StreamableFile(body));
  }
}

class HttpClient implements Client {
  private constructor(
    readonly app: INestApplication,
    readonly recorder: Recorder,
  ) {}

  static async start(
    boot: Boot,
    options: RedisLockModuleOptions = {},
    prepare: (app: INestApplication) => void = () => undefined,
    cuts = false,
  ): Promise<HttpClient> {
    @Module({ imports: [ground.locks(options)], controllers: [Handlers] })
    class App {}
    const app = await boot(App, cuts);
    prepare(app);
    await app.listen(0, '127.0.0.1');
    const port = Number(new URL(await app.getUrl()).port);
    return new HttpClient(app, await Recorder.start(port));
  }

  async call(handler: HandlerName): Promise<unknown> {
    const { status, retryAfter, body } = await this.ask(handler);
    const isError = status >= 400;
    return { status, retryAfter, body: isError ? (JSON.parse(body) as unknown) : body };
  }

  leave(handler: HandlerName): () => void {
    const asked = request({ host: '127.0.0.1', port: this.recorder.port, path: `/${handler}` });
    asked.on('error', () => undefined);
    asked.end();
    return () => asked.destroy();
  }

  /** An answer that has begun. */
  async open(path: string, method = 'GET'): Promise<IncomingMessage> {
    const { port } = this.recorder;
    // Fastify would answer to a body that is announced and empty.
    const asked = request({ host: '127.0.0.1', port, path: `/${path}`, method, agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  }

  async ask(path: string, method = 'GET'): Promise<HttpAnswer> {
    const response = await this.open(path, method);
    return {
      status: response.statusCode!,
      type: response.headers['content-type'],
      retryAfter: response.headers['retry-after'],
      body: await textOf(response),
    };
  }

  async close(): Promise<void> {
    this.recorder.close();
    await this.app.close();
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}

const STATUS: Record<string, [number, string]> = {
  LOCK_BUSY: [423, 'Locked'],
  LOCK_LOST: [503, 'Service Unavailable'],
  LOCK_UNAVAILABLE: [503, 'Service Unavailable'],
  LOCK_REFUSED: [500, 'Internal Server Error'],
};

/** What is promised on each platform of HTTP. */
export function describeHttp(name: string, boot: Boot): void {
  describeContext(name, () => HttpClient.start(boot), {
    error: ({ code, message, retryAfter }) => {
      const [statusCode, error] = STATUS[code]!;
      return {
        status: statusCode,
        retryAfter: retryAfter === undefined ? undefined : (expect.any(String) as string),
        body: { statusCode, error, message, code },
      };
    },
    done: { status: 200, retryAfter: undefined, body: 'done' },
    leaves: true,
  });

  describe(`${name}: answers that are left out, or go on`, () => {
    let client: HttpClient;
    beforeEach(async () => {
      newGround();
      events = new Subject();
      body = new Readable({ read() {} });
      client = await HttpClient.start(boot);
    });
    afterEach(() => client.close());

    it.each([
      ['a promise', 'POST', 'skips'],
      ['an Observable', 'GET', 'skips-values'],
      ['a handler that answers by itself', 'GET', 'skips-itself'],
      ['a stream of events', 'GET', 'skipped-events'],
    ])("whenBusy: 'skip' is 204 without a body: %s", async (_, method, path) => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      expect(await client.ask(path, method)).toMatchObject({ status: 204, body: '' });
      expect(ground.runs).toBe(0);
    });

    it("whenBusy: 'skip' leaves the status of a call with its lock alone", async () => {
      expect(await client.ask('skips', 'POST')).toMatchObject({ status: 201, body: 'done' });
      expect(await client.ask('skips-itself')).toMatchObject({ status: 200, body: 'done' });
    });

    it('httpStatus.skipped says otherwise', async () => {
      await client.close();
      client = await HttpClient.start(boot, { httpStatus: { skipped: 202 } });
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      expect((await client.ask('skips', 'POST')).status).toBe(202);
      expect((await client.ask('skips-itself')).status).toBe(202);
    });

    it('a busy @Sse is 423 before the stream begins, however long it waited', async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      const answer = await client.ask('events');
      expect(answer).toMatchObject({ status: 423, retryAfter: expect.any(String) as string });
      expect(JSON.parse(answer.body)).toMatchObject({
        code: 'LOCK_BUSY',
        message: told('LOCK_BUSY').message,
      });
      expect(answer.type).toMatch(/^application\/json/);
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
      expect(ground.runs).toBe(0);
    });

    it('an @Sse begins as soon as it has its lock, and holds it until the stream has ended', async () => {
      const response = await client.open('events');
      expect(response.statusCode).toBe(200);
      expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
      expect(await ground.isHeld()).toBe(true);
      events.next('first');
      let got = '';
      for await (const chunk of response) {
        got += String(chunk);
        if (got.includes('first')) events.complete();
      }
      expect(got).toContain('data: first');
      await ground.isFree();
    });

    it('a client of an @Sse that goes gives the lock back', async () => {
      const response = await client.open('events');
      expect(await ground.isHeld()).toBe(true);
      response.destroy();
      await ground.isFree();
    });

    it('a StreamableFile holds the lock until its body is sent', async () => {
      body.push('one ');
      const response = await client.open('file');
      expect(ground.heldInside).toEqual([true]);
      expect(await ground.isHeld()).toBe(true);
      body.push('two');
      body.push(null);
      expect(await textOf(response)).toBe('one two');
      await ground.isFree();
    });

    it('a client that goes in the middle of a StreamableFile gives the lock back', async () => {
      body.push('one ');
      const response = await client.open('file');
      expect(await ground.isHeld()).toBe(true);
      response.destroy();
      await ground.isFree();
      expect(body.destroyed).toBe(true);
    });

    it('a StreamableFile whose lock is lost is broken off: its client does not take it for whole', async () => {
      body.push('one ');
      const response = await client.open('file');
      await ground.elsewhere.forceRelease(KEY);
      await fileLock.extend().catch(() => undefined);
      await expect(textOf(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(body.errored).toMatchObject({ code: 'LOCK_LOST' });
    });

    it("an application's own filter that sends the message of any error tells nothing", async () => {
      @Catch()
      class CatchAll implements ExceptionFilter<Error> {
        constructor(private readonly host: HttpAdapterHost) {}

        catch(error: Error, context: ArgumentsHost): void {
          const response: unknown = context.switchToHttp().getResponse();
          this.host.httpAdapter.reply(response, { told: error.message, error }, 500);
        }
      }
      await client.close();
      client = await HttpClient.start(boot, {}, (app) => {
        app.useGlobalFilters(new CatchAll(app.get(HttpAdapterHost)));
      });
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      const { message, code } = told('LOCK_BUSY');
      const answer = await client.ask('quick');
      expect(JSON.parse(answer.body)).toMatchObject({ told: message, error: { code, message } });
      expect(leaksIn(client.recorder.bytes)).toEqual([]);
    });

    it('a busy StreamableFile is 423', async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      expect((await client.ask('file')).status).toBe(423);
    });
  });

  describe(`${name}: requests while the application closes`, () => {
    const shutdownTimeout = 50;
    let client: HttpClient;
    const start = async (cuts: boolean): Promise<void> => {
      client = await HttpClient.start(boot, { shutdownTimeout }, undefined, cuts);
    };
    beforeEach(() => {
      newGround();
      stage = new Stage();
    });
    afterEach(() => client.close());

    it('one that waits goes on waiting, and is served', async () => {
      await start(false);
      const lock = await ground.take();
      const answer = client.ask('patient');
      await ground.waiting(1);
      const closed = client.app.close();
      await sleep(shutdownTimeout * 2);
      await ground.waiting(1);
      await lock.release();
      expect(await answer).toMatchObject({ status: 200, body: 'done' });
      await closed;
    });

    it('one that waits is busy when its waitTime has passed', async () => {
      await start(false);
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      const answer = client.ask('events');
      await ground.waiting(1);
      const closed = client.app.close();
      expect((await answer).status).toBe(423);
      await closed;
    });

    it('one that holds its lock goes on to its end, however long: shutdownTimeout has not begun', async () => {
      await start(false);
      const answer = client.ask('staged');
      await stage.entered;
      const closed = watch(client.app.close());
      await sleep(shutdownTimeout * 4);
      expect(closed.settled).toBe(false);
      expect(await ground.isHeld()).toBe(true);
      stage.goOn();
      expect(await answer).toMatchObject({ status: 200, body: 'done' });
      await until('it is closed', () => closed.settled);
      expect(signal?.aborted).toBe(false);
      expect(await ground.isHeld()).toBe(false);
    });

    it('a new one is refused', async () => {
      await start(false);
      const answer = client.ask('staged');
      await stage.entered;
      const url = `${await client.app.getUrl()}/quick`;
      const closed = client.app.close();
      await until('nobody listens', () =>
        fetch(url).then(
          () => false,
          () => true,
        ),
      );
      stage.goOn();
      await Promise.all([answer, closed]);
    });

    it('work that goes on after its answer has shutdownTimeout, then its signal aborts', async () => {
      await start(false);
      const locks = client.app.get(LockService);
      const work = locks.using(KEY, async (lock) => {
        ({ signal } = lock);
        await stage.pause();
      });
      const waiting = locks.acquire(KEY, { waitTime: 60_000 }).catch((error: unknown) => error);
      await stage.entered;
      await client.app.close();
      expect(await waiting).toBeInstanceOf(LockAbortedError);
      expect(signal?.aborted).toBe(true);
      expect(await ground.isHeld()).toBe(false);
      stage.goOn();
      await expect(work).rejects.toBeInstanceOf(LockLostError);
    });

    describe('with forceCloseConnections', () => {
      it('one that waits leaves the queue, and does not run', async () => {
        await start(true);
        await using lock = await ground.take();
        expect(lock.isHeld()).toBe(true);
        const answer = client.ask('patient').catch((error: unknown) => error);
        await ground.waiting(1);
        await client.app.close();
        expect(await answer).toMatchObject({ code: 'ECONNRESET' });
        await ground.waiting(0);
        expect(ground.runs).toBe(0);
      });

      it('one that holds its lock has shutdownTimeout, then its signal aborts and the key is free', async () => {
        await start(true);
        const answer = client.ask('staged').catch((error: unknown) => error);
        await stage.entered;
        await client.app.close();
        expect(await answer).toMatchObject({ code: 'ECONNRESET' });
        expect(signal?.aborted).toBe(true);
        expect(await ground.isHeld()).toBe(false);
        stage.goOn();
      });
    });
  });
}
