import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Locked, RedisLockModule, currentLock } from '../../../lib/index.js';
import { neighbour, openStand, type Stand } from './stand.js';

describe('row 17: the release after the work is done', () => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await openStand();
  });
  afterEach(() => stand.close());

  it.each([
    ['was deleted', (key: string) => stand.admin.del(key)],
    ['was flushed with everything else', () => stand.admin.flushall()],
    ['is somebody else’s by now', (key: string) => stand.admin.set(key, 'theirs', 'PX', 60_000)],
    ['holds another type', (key: string) => stand.admin.multi().del(key).lpush(key, 'x').exec()],
  ])('row 17: a result stays a result when the key %s', async (_, vandalise) => {
    const { locks, admin } = stand;
    const work = locks.using('order:1', async () => {
      await vandalise('lock:order:1');
      return 'done';
    });
    expect(await work).toBe('done');
    const several = locks.using(['order:2', 'order:3'], async () => {
      await vandalise('lock:order:2');
      return 'done';
    });
    expect(await several).toBe('done');
    // What is somebody else's was left alone.
    expect(await admin.exists('lock:order:1')).toBe(
      _.includes('s by now') || _.includes('type') ? 1 : 0,
    );
  });

  it('row 17: a handle says that it was not ours, and does not reject', async () => {
    const { locks, admin, server } = stand;
    const lock = await locks.acquire('order:1');
    await admin.del('lock:order:1');
    await neighbour(server.port, async (others) => {
      const theirs = await others.acquire('order:1');
      expect(await lock.release()).toBe(false);
      expect(await lock.release()).toBe(false);
      await theirs.extend();
      expect(await theirs.release()).toBe(true);
    });
  });

  it('row 17: a nested release neither', async () => {
    const { locks, admin } = stand;
    const work = locks.using('order:1', () =>
      locks.using('order:1', async () => {
        await admin.flushall();
        return 'done';
      }),
    );
    expect(await work).toBe('done');
  });

  it('row 17: nor does a method with @Locked reject', async () => {
    const { admin, server } = stand;
    @Injectable()
    class Work {
      @Locked('work')
      async run(): Promise<string> {
        await admin.flushall();
        return `done with ${currentLock().key}`;
      }
    }
    @Module({ imports: [RedisLockModule.forRoot({ connection: server.url })], providers: [Work] })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    expect(await app.get(Work).run()).toBe('done with work');
    await app.close();
  });
});
