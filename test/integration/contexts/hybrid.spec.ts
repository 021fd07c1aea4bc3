import { Controller, Get, Module, UseInterceptors, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { Locked } from '../../../lib/index.js';
import { freePort } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { describeContext, told } from './contract.js';
import { KEY, Watching, ground, newGround } from './ground.js';
import { MessageClient, MessageHandlers } from './microservice.contract.js';

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
async function start(inheritAppConfig: boolean): Promise<MessageClient<INestApplication>> {
  @Module({ imports: [ground.locks()], controllers: [Pages, MessageHandlers] })
  class App {}
  const app = await NestFactory.create(App, { logger: ground.logger, abortOnError: false });
  const host = '127.0.0.1';
  const over = (at: number) => ({ transport: Transport.TCP, options: { host, port: at } }) as const;
  const port = await freePort();
  app.connectMicroservice(over(port), { inheritAppConfig });
  await app.startAllMicroservices();
  await app.listen(0, host);
  return MessageClient.connect(app, { port, client: over });
}

describe.each([true, false])('inheritAppConfig: %s', (inheritAppConfig) => {
  describeContext('a hybrid application', () => start(inheritAppConfig), {
    error: (told) => ({ status: 'error', ...told }),
    done: 'done',
    leaves: false,
  });

  describe('a hybrid application: events, and its HTTP side', () => {
    let client: MessageClient<INestApplication>;
    beforeEach(async () => {
      newGround();
      client = await start(inheritAppConfig);
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
