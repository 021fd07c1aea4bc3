import { Module, UseInterceptors, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Locked } from '../../../lib/index.js';
import { describeContext, type Client, type HandlerName } from './contract.js';
import { KEY, Watching, ground } from './ground.js';
import { Recorder } from './recorder.js';

/** What a gateway answers with. */
interface Reply {
  readonly event: string;
  readonly data: unknown;
}

@WebSocketGateway()
@UseInterceptors(Watching)
class Gateway {
  @SubscribeMessage('quick')
  @Locked(KEY, { waitTime: 0 })
  async quick(): Promise<Reply> {
    return { event: 'told', data: await ground.work() };
  }

  @SubscribeMessage('patient')
  @Locked(KEY, { waitTime: 60_000 })
  async patient(): Promise<Reply> {
    return { event: 'told', data: await ground.work() };
  }

  @SubscribeMessage('losing')
  @Locked(KEY)
  async losing(): Promise<Reply> {
    return { event: 'told', data: await ground.lose() };
  }
}

/** A connection of a client that waits for one event at a time. */
export interface Connection {
  send(event: string, data: unknown): void;
  /** The next `told` or `exception`. */
  next(): Promise<Reply>;
  close(): void;
}

/** One of the libraries for web sockets. */
export interface SocketLibrary {
  /** Prepares an application before it listens. */
  use(app: INestApplication): void;
  connect(port: number): Promise<Connection>;
}

class SocketClient implements Client {
  private constructor(
    private readonly app: INestApplication,
    readonly recorder: Recorder,
    private readonly connection: Connection,
  ) {}

  static async start(library: SocketLibrary): Promise<SocketClient> {
    @Module({ imports: [ground.locks()], providers: [Gateway] })
    class App {}
    const app = await NestFactory.create(App, { logger: ground.logger, abortOnError: false });
    library.use(app);
    await app.listen(0, '127.0.0.1');
    const recorder = await Recorder.start(Number(new URL(await app.getUrl()).port));
    return new SocketClient(app, recorder, await library.connect(recorder.port));
  }

  async call(handler: HandlerName): Promise<unknown> {
    const answer = this.connection.next();
    this.connection.send(handler, { of: 'mine' });
    const { event, data } = await answer;
    return event === 'told' ? data : { event, data };
  }

  leave(handler: HandlerName): () => void {
    this.connection.send(handler, {});
    return () => this.connection.close();
  }

  async close(): Promise<void> {
    this.connection.close();
    this.recorder.close();
    await this.app.close();
  }
}

/** What is promised with each library for web sockets. */
export function describeWebsockets(name: string, library: SocketLibrary): void {
  describeContext(name, () => SocketClient.start(library), {
    error: (told) => ({
      event: 'exception',
      data: {
        status: 'error',
        ...told,
        cause: { pattern: expect.any(String) as string, data: { of: 'mine' } },
      },
    }),
    done: 'done',
    leaves: true,
  });
}
