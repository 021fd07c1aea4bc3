import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';

import {
  LockService,
  LockUnavailableError,
  RedisLockModule,
  currentLock,
  type RedisLockModuleOptions,
} from '../../../lib/index.js';
import { startChild } from '../../support/child.js';
import { freePort, startRedis } from '../../support/redis-server.js';
import { until, watch } from '../../support/until.js';
import { Heard, openStand, type Stand } from './stand.js';

describe('Redis away from the start', () => {
  async function boot(port: number, options: RedisLockModuleOptions = {}) {
    const connection = { host: '127.0.0.1', port, retryStrategy: () => 50 };
    @Module({ imports: [RedisLockModule.forRoot({ connection, ...options })] })
    class App {}
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    return { app, locks: app.get(LockService) };
  }

  it('the application boots, callers are told that it is away, and it recovers by itself', async () => {
    const port = await freePort();
    const { app, locks } = await boot(port, { unavailableAfter: 20_000 });
    try {
      await expect(locks.acquire('order:1', { waitTime: 100 })).rejects.toThrow(
        LockUnavailableError,
      );
      await expect(locks.tryAcquire('order:1')).rejects.toThrow(LockUnavailableError);
      await expect(locks.acquireAll(['a', 'b'], { waitTime: 100 })).rejects.toThrow(
        LockUnavailableError,
      );
      // This one waits long enough.
      const patient = locks.using('order:1', { waitTime: 20_000 }, (lock) => lock.token);
      const server = await startRedis({ port });
      try {
        await until('back', () =>
          locks.using('order:2', { waitTime: 100 }, () => true).catch(() => false),
        );
        expect(await locks.using('order:2', (lock) => lock.isHeld())).toBe(true);
        expect(await patient).toBeGreaterThan(0);
        const admin = new Redis(server.url);
        await until('no key', async () => (await admin.dbsize()) === 0);
        admin.disconnect();
      } finally {
        await app.close();
        await server.stop();
      }
    } finally {
      await app.close();
    }
  });

  it('a caller with a long wait is told after unavailableAfter', async () => {
    const { app, locks } = await boot(await freePort(), { unavailableAfter: 150 });
    const asked = locks.acquire('order:1', { waitTime: 2 ** 31 - 1 });
    await expect(asked).rejects.toThrow(LockUnavailableError);
    await app.close();
  });

  it('whenUnavailable "proceed" runs the work without its lock, and says so', async () => {
    const { app, locks } = await boot(await freePort(), { waitTime: 50 });
    const proceeded = new Heard('nest-locked:proceed-unlocked');
    const released = new Heard('nest-locked:release');
    const options = { whenUnavailable: 'proceed' } as const;
    try {
      const result = await locks.using('order:1', options, async (lock) => {
        expect(currentLock()).toBe(lock);
        expect(currentLock().isHeld()).toBe(false);
        expect(currentLock().unlocked).toBe(true);
        expect(() => currentLock().assertHeld()).toThrow(
          expect.objectContaining({
            detail: expect.stringContaining('without it') as string,
          }) as Error,
        );
        expect(currentLock().token).toBe(0);
        // Within itself it is not taken for a lock either.
        await expect(locks.acquire('order:1')).rejects.toThrow(LockUnavailableError);
        return 'done';
      });
      expect(result).toBe('done');
      expect(proceeded.events).toMatchObject([
        { key: 'order:1', error: { code: 'LOCK_UNAVAILABLE' } },
      ]);
      // Nothing was had, so nothing was given back.
      expect(released.events).toEqual([]);

      await locks.using(['a', 'b'], options, () => undefined);
      expect(proceeded.events.map(({ key }) => key)).toEqual(['order:1', 'a', 'b']);
      const failure = new Error('of its own');
      await expect(locks.using('a', options, () => Promise.reject(failure))).rejects.toBe(failure);
    } finally {
      proceeded.stop();
      released.stop();
      await app.close();
    }
  });
});

describe('Redis away later', () => {
  let stand: Stand;
  afterEach(() => stand.close());

  it('frozen: callers are told, holders lose theirs, and all is well when it goes on', async () => {
    stand = await openStand({ leaseTime: 500, answerTimeout: 300 });
    const { locks, server, admin } = stand;
    const lock = await locks.acquire('order:1');
    server.pause();
    await expect(locks.acquire('order:2', { waitTime: 100 })).rejects.toThrow(LockUnavailableError);
    await expect(locks.tryAcquire('order:2')).rejects.toThrow(LockUnavailableError);
    await expect(locks.inspect('order:2')).rejects.toThrow(LockUnavailableError);
    await until('lost', () => !lock.isHeld());
    server.resume();
    expect(await locks.using('order:2', { waitTime: 20_000 }, () => 'done')).toBe('done');
    await until('no key', async () => (await admin.dbsize()) === 0);
  });

  it('frozen: a release rejects as unavailable, and happens when it goes on', async () => {
    stand = await openStand({ leaseTime: 60_000, answerTimeout: 200 });
    const { locks, server, admin } = stand;
    const lock = await locks.acquire('order:1');
    server.pause();
    await expect(lock.release()).rejects.toThrow(LockUnavailableError);
    server.resume();
    await until('given back', async () => (await admin.dbsize()) === 0);
  });

  it('frozen: one who waits for several keys has its answer in time, not after their releases', async () => {
    stand = await openStand({ leaseTime: 60_000, answerTimeout: 10_000 });
    const { locks, server, admin } = stand;
    const holder = await locks.acquire('b');
    const several = locks.acquireAll(['a', 'b'], { waitTime: 300, fair: true });
    await until('one is had', async () => (await admin.exists('lock:a')) === 1);
    server.pause();
    // Asked after everything else, and as unanswered as that.
    const seen = watch(admin.ping());
    // Busy, by an answer from before the pause: the release is not waited for as long as an answer.
    await expect(several).rejects.toMatchObject({ key: 'b' });
    expect(seen.settled).toBe(false);
    server.resume();
    await holder.release();
    await until('no key', async () => (await admin.dbsize()) === 0);
  });

  it('gone: nothing crashes, whatever is held, renewed, waited for or given back', async () => {
    stand = await openStand();
    const { server } = stand;
    const child = startChild('integration/holding/children/holder.child.ts', { url: server.url });
    await child.next();
    await server.kill();
    const report = await child.next<{ lost: number; codes: string[] }>();
    expect(await child.ended).toMatchObject({ code: 0, stderr: '' });
    expect(report.lost).toBe(20);
    expect(new Set(report.codes)).toEqual(new Set(['LOCK_UNAVAILABLE']));
    await server.restart();
  });
});
