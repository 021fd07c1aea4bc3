import { Controller, Get, Injectable, Logger, Module, NotFoundException } from '@nestjs/common';
import {
  Locked,
  LockBusyError,
  LockLostError,
  LockRefusedError,
  LockService,
  LockUnavailableError,
  RedisLockModule,
  currentLock,
} from '../../../lib/index.js';
import { detailOf } from '../../../lib/lock/lock.errors.js';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { closeApps, startApp } from '../../support/nest-app.js';

let server: RedisServer;
let admin: Redis;
const thrown = new Error('of its own');
const SOON = { retryStrategy: () => 20, disconnectTimeout: 100 };

/** Takes the lock away on the server, and makes its holder notice. */
async function lose(): Promise<void> {
  await admin.del('lock:work');
  await currentLock()
    .extend()
    .catch(() => undefined);
}

@Injectable()
class Work {
  @Locked('work')
  async fails(): Promise<void> {
    throw thrown;
  }

  @Locked('work')
  async failsWithBusy(): Promise<void> {
    throw new LockBusyError('other', 1);
  }

  @Locked('work')
  async throwsNothing(): Promise<void> {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is the case under test
    throw undefined;
  }

  @Locked('work')
  async failsWhileRedisDies(): Promise<void> {
    await server.kill();
    throw thrown;
  }

  @Locked('work')
  async worksWhileRedisDies(): Promise<string> {
    await server.kill();
    return 'done';
  }

  @Locked('work')
  async losesAndFails(): Promise<void> {
    await lose();
    throw thrown;
  }

  @Locked('work')
  async losesAndWorks(): Promise<string> {
    await lose();
    return 'done';
  }

  @Locked('work')
  async losesUnnoticed(): Promise<string> {
    await admin.del('lock:work');
    return 'done';
  }

  @Locked('work', { whenUnavailable: 'proceed' })
  async proceeds(): Promise<boolean> {
    return Promise.resolve(currentLock().isHeld());
  }

  @Locked('work')
  async releasesEarly(): Promise<string> {
    await currentLock().release();
    return 'done';
  }
}

@Controller()
class Routes {
  @Get('missing')
  @Locked('work')
  async missing(): Promise<void> {
    throw new NotFoundException('no such order');
  }

  @Get('lost')
  @Locked('work')
  async lost(): Promise<string> {
    await admin.del('lock:work');
    return 'done';
  }

  @Get('lost-and-missing')
  @Locked('work')
  async lostAndMissing(): Promise<void> {
    await admin.del('lock:work');
    throw new NotFoundException('no such order');
  }
}

describe('errors of a locked method', () => {
  async function start() {
    @Module({
      imports: [
        RedisLockModule.forRoot({
          // It comes back and goes away soon: the client's own pauses are not what is tested.
          connection: { host: '127.0.0.1', port: server.port, ...SOON },
          waitTime: 500,
          unavailableAfter: 60_000,
        }),
      ],
      controllers: [Routes],
      providers: [Work],
    })
    class AppModule {}
    const running = await startApp(AppModule);
    return { ...running, work: running.app.get(Work), locks: running.app.get(LockService) };
  }
  const errorOf = (call: Promise<unknown>) =>
    call.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );

  beforeEach(async () => {
    server = await startRedis();
    admin = new Redis(server.url, SOON);
    admin.on('error', () => undefined);
  });
  afterEach(async () => {
    await closeApps();
    admin.disconnect();
    await server.stop();
  });

  it('NotFoundException is 404, with its own message', async () => {
    const { ask } = await start();
    expect(await ask('/missing')).toMatchObject({
      status: 404,
      body: { statusCode: 404, message: 'no such order' },
    });
    expect(await admin.dbsize()).toBe(0);
  });

  it('the very same error object arrives, whatever it is', async () => {
    const { work } = await start();
    expect(await errorOf(work.fails())).toEqual({ error: thrown });
    expect(((await errorOf(work.fails())) as { error: unknown }).error).toBe(thrown);
    expect(await errorOf(work.throwsNothing())).toEqual({ error: undefined });
    expect(await admin.dbsize()).toBe(0);
  });

  it("a failing release masks neither the method's error nor its result", async () => {
    const { work, locks } = await start();
    const failed = (await errorOf(work.failsWhileRedisDies())) as { error: unknown };
    expect(failed.error).toBe(thrown);
    await server.restart();
    await locks.using('back', { waitTime: 60_000 }, () => undefined);
    expect(await work.worksWhileRedisDies()).toBe('done');
  });

  it("a lost lock does not mask the method's error", async () => {
    const { work } = await start();
    const failed = (await errorOf(work.losesAndFails())) as { error: unknown };
    expect(failed.error).toBe(thrown);
  });

  it('No silent loss: a method that returns normally after its lock was lost rejects', async () => {
    const { work } = await start();
    await expect(work.losesAndWorks()).rejects.toBeInstanceOf(LockLostError);
  });

  it('No silent loss: a loss that only the release finds out rejects the call, and the answer is 503', async () => {
    const { work, ask } = await start();
    await expect(work.losesUnnoticed()).rejects.toBeInstanceOf(LockLostError);
    expect(await ask('/lost')).toMatchObject({ status: 503, body: { code: 'LOCK_LOST' } });
    expect(await ask('/lost-and-missing')).toMatchObject({
      status: 404,
      body: { message: 'no such order' },
    });
  });

  it('Three answers: an error of the server is 500, its words are in the log, and `proceed` does not run', async () => {
    const { work, ask } = await start();
    const log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await admin.lpush('lock:work', 'of another program');
    const refused = await ask('/missing');
    expect(refused).toMatchObject({
      status: 500,
      body: { statusCode: 500, error: 'Internal Server Error', code: 'LOCK_REFUSED' },
    });
    expect(JSON.stringify(refused.body)).not.toContain('WRONGTYPE');
    const logged = log.mock.calls.map(([error]) => error as unknown);
    // Once by the service, with the method that asked, and once by Nest, as any 500.
    expect(logged).toEqual([
      expect.stringMatching(/^Routes\.missing: .*WRONGTYPE/),
      expect.any(LockRefusedError),
    ]);
    expect(detailOf(logged[1])).toContain('lock');
    await expect(work.proceeds()).rejects.toBeInstanceOf(LockRefusedError);
    log.mockRestore();
  });

  it('a lock that the method gave back itself was not lost', async () => {
    const { work } = await start();
    expect(await work.releasesEarly()).toBe('done');
    expect(await admin.dbsize()).toBe(0);
  });

  it('Three answers: an outage is LockUnavailableError, never busy', async () => {
    const { work, locks } = await start();
    expect(await work.proceeds()).toBe(true);
    await server.kill();
    expect(await work.proceeds()).toBe(false);
    await expect(work.fails()).rejects.toBeInstanceOf(LockUnavailableError);
    await expect(locks.acquire('x', { waitTime: 100 })).rejects.toBeInstanceOf(
      LockUnavailableError,
    );
  });
});
