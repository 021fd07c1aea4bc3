import { Controller, Get, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';

import { LockService, RedisLockModule, RedisStore } from '../../../lib/index.js';
import { LockHealthIndicator } from '../../../lib/terminus/index.js';
import { closeApps, startApp, type RunningApp } from '../../support/nest-app.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly locks: LockHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<unknown> {
    return this.health.check([() => this.locks.isHealthy()]);
  }

  @Get('impatient')
  @HealthCheck()
  impatient(): Promise<unknown> {
    return this.health.check([() => this.locks.isHealthy('quick', { timeout: 50 })]);
  }
}

describe('nest-locked/terminus, over HTTP', () => {
  let server: RedisServer;
  let store: RedisStore;
  let running: RunningApp;
  beforeEach(async () => {
    server = await startRedis();
    // A renewal fails well before its lease ends.
    store = await RedisStore.open({ connection: server.url, answerTimeout: 700 });
    @Module({
      imports: [
        TerminusModule.forRoot({ logger: false }),
        RedisLockModule.forRoot({ store, leaseTime: 3_000, shutdownTimeout: 0 }),
      ],
      controllers: [HealthController],
      providers: [LockHealthIndicator],
    })
    class AppModule {}
    running = await startApp(AppModule);
  });
  afterEach(async () => {
    server.resume();
    await closeApps();
    await store.close();
    await server.stop();
  });

  /** The status, what is said of the locks, and how long the answer took, in ms. */
  const check = async (path = '/health', name = 'locks'): Promise<[number, object, number]> => {
    const before = performance.now();
    const { status, body } = await running.ask(path);
    const details = (body as { details: Record<string, object> }).details[name] ?? {};
    return [status, details, performance.now() - before];
  };

  it('up: a round trip, and what is held, waits and is suspect', async () => {
    const locks = running.app.get(LockService);
    const lock = await locks.acquire('order:1');
    const waiting = locks.acquire('order:1');
    const [status, said] = await check();
    expect(status).toBe(200);
    expect(said).toEqual({
      status: 'up',
      held: 1,
      waiting: 1,
      suspect: 0,
      roundTripMs: expect.any(Number) as number,
    });
    await lock.release();
    await (await waiting).release();
    expect((await check())[1]).toMatchObject({ held: 0, waiting: 0 });
  });

  it('down: Redis is frozen, told by its own deadline; what cannot be renewed is suspect', async () => {
    await running.app.get(LockService).acquire('order:1');
    server.pause();
    const [status, said, took] = await check();
    expect(status).toBe(503);
    expect(said).toMatchObject({
      status: 'down',
      held: 1,
      message: 'the lock store gave no answer in 500 ms',
    });
    expect(took).toBeGreaterThanOrEqual(499);
    expect(took).toBeLessThan(1_500);
    const [, quick, soon] = await check('/health/impatient', 'quick');
    expect(quick).toMatchObject({ message: 'the lock store gave no answer in 50 ms' });
    expect(soon).toBeLessThan(450);
    await until('suspect', async () => {
      const [, { suspect }] = (await check()) as [number, { suspect?: number }, number];
      return suspect === 1;
    });
    server.resume();
    await until('up again', async () => (await check())[0] === 200);
  });

  it('down: Redis is gone, and up when it is back', async () => {
    expect((await check())[0]).toBe(200);
    await server.kill();
    const [status, said, took] = await check();
    expect([status, said]).toEqual([503, expect.objectContaining({ status: 'down', held: 0 })]);
    // Nothing about where it is.
    expect(JSON.stringify(said)).not.toMatch(/127\.0\.0\.1|redis/i);
    expect(took).toBeLessThan(1_500);
    await server.restart();
    await until('up again', async () => (await check())[0] === 200);
  });

  it('refuses what is no deadline', async () => {
    const indicator = running.app.get(LockHealthIndicator);
    await expect(indicator.isHealthy('locks', { timeout: 0 })).rejects.toThrow('received 0');
    await expect(indicator.isHealthy('locks', { timeOut: 1 } as object)).rejects.toThrow('timeOut');
  });
});
