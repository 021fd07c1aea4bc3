import {
  Controller,
  Module,
  UseInterceptors,
  type INestApplicationContext,
  type INestMicroservice,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type ClientOptions,
  type ClientProxy,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { Locked } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { describeContext, type Client, type HandlerName } from './contract.js';
import { KEY, Watching, ground, newGround } from './ground.js';
import { Recorder } from './recorder.js';

@Controller()
@UseInterceptors(Watching)
export class MessageHandlers {
  @MessagePattern('quick')
  @Locked(KEY, { waitTime: 0 })
  quick(): Promise<string> {
    return ground.work();
  }

  @MessagePattern('patient')
  @Locked(KEY, { waitTime: 60_000 })
  patient(): Promise<string> {
    return ground.work();
  }

  @MessagePattern('losing')
  @Locked(KEY)
  losing(): Promise<string> {
    return ground.lose();
  }

  @EventPattern('happened')
  @Locked(KEY, { waitTime: 0 })
  happened(_data: unknown): Promise<string> {
    return ground.work();
  }
}

/** A transport between a microservice and its clients. */
export interface Wire {
  /** The port that both speak to, or on which the service listens. */
  readonly port: number;
  service(port: number): MicroserviceOptions;
  client(port: number): ClientOptions;
}

/** A client of the messages of an application, every byte to which is recorded. */
export class MessageClient<App extends INestApplicationContext> implements Client {
  private constructor(
    readonly app: App,
    readonly recorder: Recorder,
    readonly proxy: ClientProxy,
  ) {}

  static async connect<App extends INestApplicationContext>(
    app: App,
    { port, client }: Pick<Wire, 'port' | 'client'>,
  ): Promise<MessageClient<App>> {
    const recorder = await Recorder.start(port);
    const proxy = ClientProxyFactory.create(client(recorder.port));
    await proxy.connect();
    return new MessageClient(app, recorder, proxy);
  }

  async call(pattern: HandlerName): Promise<unknown> {
    try {
      return await firstValueFrom(this.proxy.send<unknown>(pattern, {}));
    } catch (error) {
      return error;
    }
  }

  async close(): Promise<void> {
    await this.proxy.close();
    this.recorder.close();
    await this.app.close();
  }
}

async function start(wire: Wire): Promise<MessageClient<INestMicroservice>> {
  @Module({ imports: [ground.locks()], controllers: [MessageHandlers] })
  class App {}
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, {
    ...wire.service(wire.port),
    logger: ground.logger,
    abortOnError: false,
  });
  await app.listen();
  return MessageClient.connect(app, wire);
}

/** What is promised on each transport of microservices. */
export function describeMicroservice(name: string, wire: () => Promise<Wire>): void {
  describeContext(name, async () => start(await wire()), {
    error: (told) => ({ status: 'error', ...told }),
    done: 'done',
    leaves: false,
  });

  describe(`${name}: events`, () => {
    let client: MessageClient<INestMicroservice>;
    beforeEach(async () => {
      newGround();
      client = await start(await wire());
    });
    afterEach(() => client.close());

    it('an event whose lock is free is handled inside it', async () => {
      await firstValueFrom(client.proxy.emit('happened', {}), { defaultValue: undefined });
      await until('it is handled', () => ground.runs === 1);
      await ground.isFree();
      expect(ground.logger.all).toEqual([]);
    });

    it('an event that did not get its lock is one line in the log, not lost', async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      await firstValueFrom(client.proxy.emit('happened', {}), { defaultValue: undefined });
      await until('it is logged', () => ground.logger.all.length > 0);
      // What was sent after it is answered after it: nothing more is on its way to the log.
      await client.call('quick');
      expect(ground.logger.all).toHaveLength(1);
      expect(ground.logger.all[0]).toContain('MessageHandlers.happened');
      expect(ground.logger.ofTheKey()).toHaveLength(1);
      expect(ground.runs).toBe(0);
    });
  });
}
