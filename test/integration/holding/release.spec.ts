import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Locked, LockLostError, RedisLockModule, currentLock } from '../../../lib/index.js';
import { until } from '../../support/until.js';
import { Heard, neighbour, openStand, type Stand } from './stand.js';

describe('a release that finds the lock gone', () => {
  let stand: Stand;
  let lost: Heard;
  beforeEach(async () => {
    stand = await openStand();
    lost = new Heard('nest-locked:lost');
  });
  afterEach(async () => {
    lost.stop();
    await stand.close();
  });

  const vandals: [string, number, (key: string) => Promise<unknown>][] = [
    ['was deleted', 0, (key) => stand.admin.del(key)],
    ['was flushed with everything else', 0, () => stand.admin.flushall()],
    ['is somebody else’s by now', 1, (key) => stand.admin.set(key, 'theirs', 'PX', 60_000)],
    ['holds another type', 1, (key) => stand.admin.multi().del(key).lpush(key, 'x').exec()],
  ];

  it.each(vandals)(
    'No silent loss: `using` rejects, however short the work was, when the key %s',
    async (_, left, vandalise) => {
      const { locks, admin } = stand;
      const work = locks.using('order:1', async () => {
        await vandalise('lock:order:1');
        return 'done';
      });
      await expect(work).rejects.toBeInstanceOf(LockLostError);
      const several = locks.using(['order:2', 'order:3'], async () => {
        await vandalise('lock:order:2');
        return 'done';
      });
      await expect(several).rejects.toMatchObject({ code: 'LOCK_LOST' });
      // Each loss is told once.
      const told = lost.events.map(({ key }) => key);
      expect(told).toContain('order:1');
      expect(told).toContain('order:2');
      expect(new Set(told).size).toBe(told.length);
      // What is somebody else's was left alone.
      expect(await admin.exists('lock:order:1')).toBe(_.startsWith('was flushed') ? 0 : left);
    },
  );

  it('No silent loss: the error of the work itself comes out, not the loss', async () => {
    const failure = new Error('of its own');
    const work = stand.locks.using('order:1', async () => {
      await stand.admin.flushall();
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(lost.events).toMatchObject([{ key: 'order:1', error: { code: 'LOCK_LOST' } }]);
  });

  it('No silent loss: a handle says that it was not ours, and aborts its signal', async () => {
    const { locks, admin, server } = stand;
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    await admin.del('lock:order:1');
    await neighbour(server.port, async (others) => {
      const theirs = await others.acquire('order:1');
      expect(await lock.release()).toBe(false);
      expect(await lock.release()).toBe(false);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(() => lock.assertHeld()).toThrow(LockLostError);
      await theirs.extend();
      expect(await theirs.release()).toBe(true);
    });
  });

  it('No silent loss: what was nested in it rejects as the outermost does', async () => {
    const { locks, admin } = stand;
    const work = locks.using('order:1', () =>
      locks.using('order:1', async () => {
        await admin.flushall();
        return 'done';
      }),
    );
    await expect(work).rejects.toBeInstanceOf(LockLostError);
    expect(lost.events).toHaveLength(1);
  });

  it('No silent loss: a method with @Locked rejects', async () => {
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
    try {
      await expect(app.get(Work).run()).rejects.toBeInstanceOf(LockLostError);
    } finally {
      await app.close();
    }
  });
});

describe('a release that fails', () => {
  let stand: Stand;
  let failed: Heard;
  beforeEach(async () => {
    stand = await openStand({ answerTimeout: 200 });
    failed = new Heard('nest-locked:release:failed');
  });
  afterEach(async () => {
    failed.stop();
    await stand.close();
  });

  const freeze = (): Promise<void> => {
    stand.server.pause();
    return Promise.resolve();
  };

  it.each<[string, () => Promise<unknown>, string]>([
    ['gets no answer', freeze, 'LOCK_UNAVAILABLE'],
    [
      'is answered with an error',
      () => stand.admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval'),
      'LOCK_REFUSED',
    ],
  ])('masks neither a result nor an error, and is told, when it %s', async (_, harm, code) => {
    const { locks, admin, server } = stand;
    const failure = new Error('of its own');
    let harmed = false;
    const both = async (): Promise<void> => {
      if (!harmed) await harm();
      harmed = true;
    };
    const outcomes = await Promise.allSettled([
      locks.using('order:1', async () => {
        await both();
        return 'done';
      }),
      locks.using('order:2', async () => {
        await both();
        throw failure;
      }),
    ]);
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: 'done' },
      { status: 'rejected', reason: failure },
    ]);
    await failed.count(2);
    expect(failed.events.map(({ key }) => key).sort()).toEqual(['order:1', 'order:2']);
    for (const { error } of failed.events) expect(error).toBeInstanceOf(Error);

    server.resume();
    await admin.call('ACL', 'SETUSER', 'default', '+@all');
    // A handle hears of it, in the words of a lock.
    const lock = await locks.acquire('order:3', { waitTime: 20_000 });
    harmed = false;
    await both();
    await expect(lock.release()).rejects.toMatchObject({ code });
    server.resume();
    await admin.call('ACL', 'SETUSER', 'default', '+@all');
  });

  it('No leftover: what got no answer happens when the server is back', async () => {
    const { locks, admin, server } = stand;
    await locks.using('order:1', () => {
      server.pause();
    });
    server.resume();
    await until('no key', async () => (await admin.dbsize()) === 0, 20_000);
  });
});
