import { Injectable, Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';

import {
  Locked,
  LockAbortedError,
  LockLostError,
  LockService,
  RedisLockModule,
  currentLock,
  type RedisLockModuleOptions,
} from '../../../lib/index.js';
import { Stage } from '../../support/gate.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';

const LEASE = 1_000;

describe('shutdown', () => {
  let server: RedisServer;
  let admin: Redis;
  const apps: INestApplicationContext[] = [];
  beforeEach(async () => {
    server = await startRedis();
    admin = new Redis(server.url, { connectionName: 'admin' });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    admin.disconnect();
    await server.stop();
  });

  /** An application whose one method works until it is told to end. */
  async function boot(options: RedisLockModuleOptions, stage: Stage) {
    @Injectable()
    class Work {
      @Locked('work')
      async run(): Promise<string> {
        const { signal } = currentLock();
        await stage.pause();
        return signal.aborted ? 'aborted' : 'undisturbed';
      }
    }
    @Module({
      imports: [RedisLockModule.forRoot({ leaseTime: LEASE, waitTime: 20_000, ...options })],
      providers: [Work],
    })
    class App {}
    const app = await NestFactory.createApplicationContext(App as Type, { logger: false });
    apps.push(app);
    return { app, work: app.get(Work), locks: app.get(LockService) };
  }

  async function connections(): Promise<string[]> {
    const list = String(await admin.client('LIST'));
    return [...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name!).filter((n) => n !== 'admin');
  }

  it('running methods keep their locks until they end; waiters are told; nothing is left', async () => {
    const stage = new Stage();
    const { app, work, locks } = await boot({ connection: server.url }, stage);
    const running = work.run();
    await stage.entered;
    const waiting = work.run().catch((error: unknown) => error);
    const waitingElsewhere = locks.acquire('work', { fair: true }).catch((error: unknown) => error);
    // One in the queue inside the process, one in that on the server.
    await until('in the queue', async () => (await locks.inspect('work')).places === 1);
    await until('two connections', async () => {
      return (await connections()).sort().join() === 'nest-locked,nest-locked-inbox';
    });

    let closed = false;
    const closing = app.close().then(() => (closed = true));
    expect(await waiting).toBeInstanceOf(LockAbortedError);
    expect(await waitingElsewhere).toBeInstanceOf(LockAbortedError);
    await expect(locks.acquire('another')).rejects.toBeInstanceOf(LockAbortedError);
    await expect(work.run()).rejects.toBeInstanceOf(LockAbortedError);

    // For several leases, by the server's own account: renewed.
    const [before] = (await locks.inspect('work')).holders;
    await sleep(LEASE * 3);
    const [after] = (await locks.inspect('work')).holders;
    expect(after).toMatchObject({ holder: before?.holder, sinceEpochMs: before?.sinceEpochMs });
    expect(closed).toBe(false);

    stage.goOn();
    expect(await running).toBe('undisturbed');
    await closing;
    expect(await admin.dbsize()).toBe(0);
    await until('no connection', async () => (await connections()).length === 0);
  });

  it('at the deadline signals abort, keys are free, and the call rejects', async () => {
    const stage = new Stage();
    const options = { connection: server.url, shutdownTimeout: LEASE * 2 };
    const { app, work } = await boot(options, stage);
    const running = work.run().catch((error: unknown) => error);
    await stage.entered;
    await app.close();
    expect(await admin.dbsize()).toBe(0);
    await until('no connection', async () => (await connections()).length === 0);
    stage.goOn();
    expect(await running).toBeInstanceOf(LockLostError);
    expect(await admin.dbsize()).toBe(0);
  });

  it("the user's own client stays as it was", async () => {
    const client = new Redis(server.url, { connectionName: 'theirs' });
    const listeners = client.eventNames().map((name) => [name, client.listenerCount(name)]);
    const stage = new Stage();
    try {
      const { app, work, locks } = await boot({ connection: client }, stage);
      const running = work.run();
      await stage.entered;
      const waiting = locks.using('work', { fair: true }, () => undefined);
      await until('in the queue', async () => (await locks.inspect('work')).places === 1);
      stage.goOn();
      await Promise.all([running, waiting]);
      await app.close();
      expect(client.status).toBe('ready');
      expect(await client.ping()).toBe('PONG');
      await until('our inbox closed', async () => (await connections()).join() === 'theirs');
      expect(client.eventNames().map((name) => [name, client.listenerCount(name)])).toEqual(
        listeners,
      );
      expect(await admin.dbsize()).toBe(0);
    } finally {
      client.disconnect();
    }
  });

  it('with nothing held or asked it ends at once, and twice is once', async () => {
    const { app, locks } = await boot({ connection: server.url }, new Stage());
    await locks.using('work', () => undefined);
    await app.close();
    await locks.close();
    await until('no connection', async () => (await connections()).length === 0);
  });

  it('it ends when Redis is away', async () => {
    const stage = new Stage();
    const { app, work } = await boot({ connection: server.url, shutdownTimeout: 100 }, stage);
    const running = work.run().catch((error: unknown) => error);
    await stage.entered;
    server.pause();
    await app.close();
    server.resume();
    stage.goOn();
    expect(await running).toBeInstanceOf(LockLostError);
  });
});
