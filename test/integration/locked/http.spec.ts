import {
  Body,
  Catch,
  Controller,
  Get,
  HttpException,
  Module,
  Param,
  ParseIntPipe,
  Post,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { hostname } from 'node:os';
import {
  EXCLUSIVE,
  LockBusyError,
  LockError,
  LockKeyError,
  LockService,
  Locked,
  MemoryStore,
  RedisLockModule,
  httpAnswer,
} from '../../../lib/index.js';
import type { RedisLockModuleOptions } from '../../../lib/index.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { closeApps, startApp } from '../../support/nest-app.js';

@Controller()
class Orders {
  constructor(private readonly locks: LockService) {}

  @Get('orders/:id')
  @Locked('order:<0>', { waitTime: 0 })
  async read(@Param('id', ParseIntPipe) id: number): Promise<{ id: number }> {
    return { id };
  }

  @Get('pairs/:one/:other')
  @Locked('<0>:<1>', { waitTime: 0 })
  async pair(@Param('one') one: string, @Param('other') other: string): Promise<string[]> {
    return Promise.resolve([one, other]);
  }

  @Post('orders')
  @Locked('order:<0.id>')
  async create(@Body() order: { id: unknown }): Promise<unknown> {
    return order.id;
  }

  @Get('fault')
  async fault(): Promise<void> {
    await this.locks.acquire('');
  }

  @Get('within')
  @Locked('within', { whenBusy: 'skip' })
  async within(): Promise<void> {
    throw new LockBusyError('other', 10, {
      holder: 'host:1',
      mode: EXCLUSIVE,
      sinceEpochMs: 1,
      retryAfter: 61_001,
    });
  }
}

async function start(options: RedisLockModuleOptions, filter?: ExceptionFilter) {
  @Module({ imports: [RedisLockModule.forRoot(options)], controllers: [Orders] })
  class AppModule {}
  const running = await startApp(AppModule, (app) => {
    if (filter) app.useGlobalFilters(filter);
  });
  return { ...running, locks: running.app.get(LockService) };
}

const send = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

describe('lock errors in HTTP', () => {
  afterEach(closeApps);

  describe('with Redis', () => {
    let server: RedisServer;
    beforeEach(async () => {
      server = await startRedis();
    });
    afterEach(() => server.stop());

    it('Three answers: contention is 423 with Retry-After, an outage 503, and both say which they are', async () => {
      const { ask, locks } = await start({ connection: server.url, waitTime: 300 });
      expect((await ask('/orders/7')).status).toBe(200);

      const lock = await locks.acquire('order:7', { leaseTime: 20_000 });
      const busy = await ask('/orders/7');
      expect(busy).toMatchObject({
        status: 423,
        body: { statusCode: 423, error: 'Locked', code: 'LOCK_BUSY' },
      });
      const seconds = Number(busy.headers.get('retry-after'));
      expect(Number.isInteger(seconds)).toBe(true);
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(20);
      const told = JSON.stringify(busy.body);
      expect(told).not.toContain(hostname());
      expect(told).not.toContain(String(process.pid));
      await lock.release();
      expect((await ask('/orders/7')).status).toBe(200);

      await server.kill();
      const down = await ask('/orders/7');
      expect(down).toMatchObject({
        status: 503,
        body: { statusCode: 503, error: 'Service Unavailable', code: 'LOCK_UNAVAILABLE' },
      });
      expect(Number(down.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);

      await server.restart();
      await until(async () => (await ask('/orders/7')).status === 200);
    });
  });

  it('a key is made of what the pipes made of a parameter', async () => {
    const { ask, locks } = await start({ store: new MemoryStore() });
    await using lock = await locks.acquire('order:42');
    expect(lock.isHeld()).toBe(true);
    expect((await ask('/orders/042')).status).toBe(423);
    expect((await ask('/orders/43')).status).toBe(200);
  });

  it('(a:b, c) and (a, b:c) are two keys', async () => {
    const { ask, locks } = await start({ store: new MemoryStore() });
    await using lock = await locks.acquire('a:b:c');
    expect(lock.isHeld()).toBe(true);
    expect((await ask('/pairs/a/b:c')).status).toBe(423);
    expect((await ask('/pairs/a:b/c')).body).toEqual(['a:b', 'c']);
  });

  it.each([[{}], [{ id: null }], [{ id: '' }], [{ id: {} }], [{ id: [1] }], [{ other: 1 }]])(
    'a body that gives no key, %j, is 400',
    async (body) => {
      const { ask } = await start({ store: new MemoryStore() });
      expect(await ask('/orders', send(body))).toMatchObject({
        status: 400,
        body: { statusCode: 400, error: 'Bad Request', code: 'LOCK_KEY' },
      });
    },
  );

  it('a bad key that the program itself named is 500', async () => {
    const { ask } = await start({ store: new MemoryStore() });
    expect((await ask('/fault')).status).toBe(500);
  });

  it('skipping does not skip a LockBusyError from inside the method', async () => {
    const { ask } = await start({ store: new MemoryStore() });
    const busy = await ask('/within');
    expect(busy.status).toBe(423);
    expect(busy.headers.get('retry-after')).toBe('62');
  });

  it.each([
    [0, 1],
    [-5, 1],
    [1_001, 2],
    [7_200_000, 3_600],
    [Infinity, 3_600],
  ])('Retry-After is a number of seconds from 1 to 3600: %d ms are %d', (retryAfter, seconds) => {
    const facts = { holder: undefined, mode: undefined, sinceEpochMs: undefined, retryAfter };
    expect(httpAnswer(new LockBusyError('a', 1, facts))?.retryAfter).toBe(seconds);
  });

  it('statuses can be changed', async () => {
    const { ask, locks } = await start({
      store: new MemoryStore(),
      httpStatus: { busy: 409, key: 422 },
    });
    await using lock = await locks.acquire('order:7');
    expect(lock.isHeld()).toBe(true);
    expect(await ask('/orders/7')).toMatchObject({
      status: 409,
      body: { statusCode: 409, error: 'Conflict' },
    });
    expect((await ask('/orders', send({}))).status).toBe(422);
  });

  it("an application's own filter for lock errors comes first", async () => {
    @Catch(LockBusyError)
    class Own implements ExceptionFilter<LockBusyError> {
      catch(error: LockBusyError, host: ArgumentsHost): void {
        host.switchToHttp().getResponse<Reply>().status(418).json({ own: error.code });
      }
    }
    const { ask, locks } = await start({ store: new MemoryStore() }, new Own());
    await using lock = await locks.acquire('order:7');
    expect(lock.isHeld()).toBe(true);
    expect(await ask('/orders/7')).toMatchObject({ status: 418, body: { own: 'LOCK_BUSY' } });
    expect((await ask('/orders', send({}))).status).toBe(400);
  });

  it('a catch-all filter finds the status with httpAnswer', async () => {
    @Catch()
    class CatchAll implements ExceptionFilter {
      catch(error: unknown, host: ArgumentsHost): void {
        const answer = error instanceof LockError ? httpAnswer(error) : undefined;
        const status = error instanceof HttpException ? error.getStatus() : answer?.status;
        host
          .switchToHttp()
          .getResponse<Reply>()
          .status(status ?? 500)
          .json({ all: true });
      }
    }
    const { ask, locks, app } = await start({ store: new MemoryStore() }, new CatchAll());
    await using lock = await locks.acquire('order:7');
    expect(lock.isHeld()).toBe(true);
    expect(app.get(HttpAdapterHost).httpAdapter.getType()).toBe('express');
    expect(await ask('/orders/7')).toMatchObject({ status: 423, body: { all: true } });
    expect((await ask('/orders/x')).status).toBe(400);
    expect((await ask('/fault')).status).toBe(500);
    expect(httpAnswer(new LockKeyError('made by hand'))).toBeUndefined();
  });
});

interface Reply {
  status(code: number): this;
  json(body: unknown): void;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}
