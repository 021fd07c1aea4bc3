import { Controller, Get, Module, UseInterceptors, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, Transport, type ClientProxy } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { Locked } from '../../../lib/index.js';
import { freePort } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { describeContext, told, type Client, type HandlerName } from './contract.js';
import { KEY, Watching, ground, newGround } from './ground.js';
import { MessageHandlers, ask } from './microservice.contract.js';
import { Recorder } from './recorder.js';

@Controller()
@UseInterceptors(Watching)
class Pages {
  @Get('quick')
  @Locked(KEY, { waitTime: 0 })
  quick(): Promise<string> {
    return ground.work();
  }
}

/** An HTTP application that is a microservice too, and keeps its interceptors and filters to itself, or not. */
class HybridClient implements Client {
  private constructor(
    readonly app: INestApplication,
    readonly recorder: Recorder,
    readonly proxy: ClientProxy,
  ) {}

  static async start(inheritAppConfig: boolean): Promise<HybridClient> {
    @Module({ imports: [ground.locks()], controllers: [Pages, MessageHandlers] })
    class App {}
    const app = await NestFactory.create(App, { logger: ground.logger, abortOnError: false });
    const host = '127.0.0.1';
    const service = { transport: Transport.TCP, options: { host, port: await freePort() } };
    app.connectMicroservice(service, { inheritAppConfig });
    await app.startAllMicroservices();
    await app.listen(0, host);
    const recorder = await Recorder.start(service.options.port);
    const proxy = ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host, port: recorder.port },
    });
    await proxy.connect();
    return new HybridClient(app, recorder, proxy);
  }

  call(handler: HandlerName): Promise<unknown> {
    return ask(this.proxy, handler);
  }

  async close(): Promise<void> {
    await this.proxy.close();
    this.recorder.close();
    await this.app.close();
  }
}

describe.each([true, false])('inheritAppConfig: %s', (inheritAppConfig) => {
  describeContext('a hybrid application', () => HybridClient.start(inheritAppConfig), {
    error: (told) => ({ status: 'error', ...told }),
    done: 'done',
    leaves: false,
  });

  describe('a hybrid application: events, and its HTTP side', () => {
    let client: HybridClient;
    beforeEach(async () => {
      newGround();
      client = await HybridClient.start(inheritAppConfig);
    });
    afterEach(() => client.close());

    it('an event that did not get its lock is one line in the log, not lost', async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      await firstValueFrom(client.proxy.emit('happened', {}), { defaultValue: undefined });
      await until('it is logged', () => ground.logger.all.length > 0);
      await client.call('quick');
      expect(ground.logger.all).toHaveLength(1);
      expect(ground.logger.ofTheKey()).toHaveLength(1);
    });

    it('its HTTP handlers are as in any other application', async () => {
      const url = `${await client.app.getUrl()}/quick`;
      expect(await (await fetch(url)).text()).toBe('done');
      expect(ground.heldInside).toEqual([true]);
      await ground.isFree();
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      const busy = await fetch(url);
      expect(busy.status).toBe(423);
      expect(await busy.json()).toMatchObject({ message: told('LOCK_BUSY').message });
    });
  });
});
