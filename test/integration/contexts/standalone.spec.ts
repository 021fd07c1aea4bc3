import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import {
  LockBusyError,
  LockLostError,
  LockUnavailableError,
  Locked,
  currentLock,
} from '../../../lib/index.js';
import { startChild } from '../../support/child.js';
import { startRedis } from '../../support/redis-server.js';
import { KEY, ground, newGround } from './ground.js';

@Injectable()
class Work {
  @Locked(KEY, { waitTime: 0 })
  async works(): Promise<string> {
    ground.heldInside.push(currentLock(KEY).isHeld());
    return ground.work();
  }

  @Locked(KEY)
  async loses(): Promise<string> {
    return ground.lose();
  }
}

@Module({ providers: [Work] })
class LazyModule {}

/** Where the work comes from in each kind of application. */
const KINDS = {
  'a standalone application context': async () => {
    @Module({ imports: [ground.locks()], providers: [Work] })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: ground.logger });
    return { app, work: app.get(Work) };
  },
  'a module that is loaded lazily': async () => {
    @Module({ imports: [ground.locks()] })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: ground.logger });
    const module = await app.get(LazyModuleLoader).load(() => LazyModule);
    return { app, work: module.get(Work) };
  },
};

describe.each(Object.entries(KINDS))('locks and lock errors of %s', (_, start) => {
  let app: INestApplicationContext;
  let work: Work;
  beforeEach(async () => {
    newGround();
    ({ app, work } = await start());
  });
  afterEach(() => app.close());

  it('a method runs inside its lock, which is given back', async () => {
    expect(await work.works()).toBe('done');
    expect(ground.heldInside).toEqual([true]);
    expect(await ground.isHeld()).toBe(false);
  });

  it('the caller is told by the error itself: busy, lost, unavailable', async () => {
    const lock = await ground.take();
    await expect(work.works()).rejects.toBeInstanceOf(LockBusyError);
    await lock.release();
    await expect(work.loses()).rejects.toBeInstanceOf(LockLostError);
    ground.fallSilent();
    await expect(work.works()).rejects.toBeInstanceOf(LockUnavailableError);
    expect(ground.runs).toBe(1);
  });
});

describe('a script with an application context', () => {
  const CHILD = 'integration/contexts/children/standalone.child.ts';

  it('No leftover: ends by itself when it has closed its context', async () => {
    const server = await startRedis();
    try {
      const child = startChild(CHILD, { url: server.url, closes: true });
      expect(await child.ended).toEqual({ code: 0, signal: null, stderr: '' });
    } finally {
      await server.stop();
    }
  });

  it.each([true, false])('ends by itself with locks in memory, closed: %s', async (closes) => {
    const child = startChild(CHILD, { closes });
    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
