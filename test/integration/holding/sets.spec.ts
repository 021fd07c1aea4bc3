import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Locked, LockService, RedisLockModule, currentLock } from '../../../lib/index.js';
import { LockBusyError, LockLostError, LockUsageError } from '../../../lib/lock/lock.errors.js';
import { Stage } from '../../support/gate.js';
import { until, watch } from '../../support/until.js';
import { withTwoPods, problemOf, untilWaiting, type Pod, type Pods } from './pods.js';
import { Heard } from './stand.js';

const SHARED = { kind: 'shared' };
const EXCLUSIVE = { kind: 'exclusive' };

describe('several locks as one', () => {
  let pods: Pods;
  let here: Pod;
  let there: Pod;
  withTwoPods((...opened) => ([pods, here, there] = opened));

  const isFree = (key: string): Promise<boolean> =>
    pods.keys().then((keys) => !keys.includes(`lock:${key}`));

  it('free ones are taken in one call, whatever their modes', async () => {
    const keys = [
      'b',
      'a',
      { key: 'slots', limit: 5, permits: 2 },
      { key: 'r', mode: 'shared' as const },
    ];
    const before = await pods.scriptCalls();

    const set = await here.locks.acquireAll(keys);
    const taken = (await pods.scriptCalls()) - before;
    const held = await Promise.all(
      ['a', 'b', 'r', 'slots'].map(
        async (key) => (await there.store.inspect(key)).holders[0]!.mode,
      ),
    );

    expect(taken).toBe(1);
    expect(held).toEqual([EXCLUSIVE, EXCLUSIVE, SHARED, { kind: 'limited', limit: 5, permits: 2 }]);
    expect(set.keys).toEqual(['a', 'b', 'r', 'slots']);
    expect(await set.release()).toBe(true);
    expect(await pods.keys()).toEqual([]);
  });

  it('Tokens: are told by key, also for keys with strange names', async () => {
    const keys = ['b', 'a', '__proto__', 'constructor', '1', '10', '9', 'ä', '😀'];
    const set = await here.locks.acquireAll(keys);

    expect(Object.keys(set.tokens).sort()).toEqual([...keys].sort());
    for (const { key, token } of set.locks) expect(set.tokens[key]).toBe(token);
    await set.release();
    const again = await there.locks.acquireAll(keys);
    for (const key of keys) expect(again.tokens[key]).toBeGreaterThan(set.tokens[key]!);
    await again.release();
  });

  it('Tokens: are those of now, after one of them was downgraded', async () => {
    const set = await here.locks.acquireAll(['a', 'b']);
    const before = { ...set.tokens };
    await set.locks[1]!.downgrade();

    expect(set.tokens['a']).toBe(before['a']);
    expect(set.tokens['b']).toBe(set.locks[1]!.token);
    expect(set.tokens['b']).toBeGreaterThan(before['b']!);
    await set.release();
  });

  it('an object says the mode of each key, and those together are held so', async () => {
    const one = await here.locks.acquireAll({ 'account:1': 'exclusive', rates: 'shared' });
    const two = await there.locks.acquireAll({ 'account:2': 'exclusive', rates: 'shared' });

    expect(one.locks.map(({ key, mode }) => [key, mode])).toEqual([
      ['account:1', EXCLUSIVE],
      ['rates', SHARED],
    ]);
    expect(await there.locks.tryAcquire('account:1')).toBeNull();
    expect(await there.locks.tryAcquire('rates')).toBeNull();
    for (const set of [one, two]) expect(await set.release()).toBe(true);
  });

  it('the mode of the options is that of all that say nothing of theirs', async () => {
    const set = await here.locks.acquireAll(['a', { key: 'b', mode: 'exclusive' }, 'a'], {
      mode: 'shared',
    });
    expect(set.locks.map(({ mode }) => mode)).toEqual([SHARED, EXCLUSIVE]);
    await set.release();
    const permits = await here.locks.acquireAll(['a', { key: 'b', limit: 7 }], { limit: 2 });
    expect(permits.locks.map(({ mode }) => mode)).toMatchObject([{ limit: 2 }, { limit: 7 }]);
    await permits.release();
  });

  describe('the loss of any', () => {
    it('No silent loss: aborts the one signal, and is the loss of all', async () => {
      const set = await here.locks.acquireAll(['a', 'b', 'c']);
      const { signal } = set;
      expect([set.isHeld(), set.lost, signal.aborted]).toEqual([true, undefined, false]);
      await there.locks.forceRelease('b');

      await expect(set.extend()).rejects.toThrow(LockLostError);

      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBeInstanceOf(LockLostError);
      expect(signal.reason).toMatchObject({ key: 'b' });
      expect(set.signal).toBe(signal);
      expect(set.lost).toBe(signal.reason);
      expect(set.isHeld()).toBe(false);
      expect(() => set.assertHeld()).toThrow(LockLostError);
      // The others are held on, to be given back.
      expect(await there.locks.tryAcquire('a')).toBeNull();
      expect(await set.release()).toBe(false);
      expect(await set.release()).toBe(false);
      expect(await pods.keys()).toEqual([]);
    });

    it('No silent loss: rejects `using`, however short the work', async () => {
      const work = here.locks.using({ a: 'shared', b: 'exclusive' }, async () => {
        await pods.admin.del('lock:a');
      });
      await expect(work).rejects.toMatchObject({ code: 'LOCK_LOST', key: 'a' });
      expect(await isFree('b')).toBe(true);
    });

    it('No silent loss: while the rest is waited for is told, and gives all back', async () => {
      const busy = await there.locks.acquire('b');
      const lost = new Heard('nest-locked:lost');
      const asked = problemOf(here.locks.acquireAll(['a', 'b'], { leaseTime: 300 }));
      await untilWaiting(there, 'b', 1);
      await pods.admin.del('lock:a');
      await lost.count(1);
      lost.stop();
      await busy.release();

      expect(await asked).toMatchObject({ code: 'LOCK_LOST', key: 'a' });
      await until('all free', async () => (await pods.keys()).length === 0);
    });
  });

  describe('all or none', () => {
    it('No leftover: one that is taken keeps none of them', async () => {
      const busy = await there.locks.acquire('m');
      for (const keys of [['a', 'm', 'z'], { a: 'shared', m: 'shared', z: 'shared' } as const]) {
        const problem = await problemOf(here.locks.acquireAll(keys, { waitTime: 30 }));
        expect(problem).toBeInstanceOf(LockBusyError);
        expect((problem as LockBusyError).key).toBe('m');
        await until('the others are free', async () => (await pods.keys()).length === 1);
      }
      await busy.release();
    });

    it('No leftover: nor does a wait that is called off', async () => {
      const busy = await there.locks.acquire('m');
      const abort = new AbortController();
      const asked = problemOf(here.locks.acquireAll(['a', 'm', 'z'], { signal: abort.signal }));
      await untilWaiting(there, 'm', 1);
      // What comes after the one that is waited for is nobodys.
      expect(await isFree('z')).toBe(true);
      expect(await isFree('a')).toBe(false);
      abort.abort();

      expect(await asked).toMatchObject({ code: 'LOCK_ABORTED' });
      await until('the others are free', async () => (await pods.keys()).length === 1);
      await busy.release();
    });

    it('No leftover: nor does one that the store refuses', async () => {
      await pods.admin.hset('lock:m', 'field', '1');
      const problem = await problemOf(here.locks.acquireAll(['a', 'm', 'z']));
      expect(problem).toMatchObject({ code: 'LOCK_REFUSED', key: 'm' });
      await until('the others are free', async () => (await pods.keys()).length === 1);
      await pods.admin.del('lock:m');
    });

    it('No leftover: nor does one that would be an upgrade', async () => {
      await here.locks.using('m', { mode: 'shared' }, async () => {
        const problem = await problemOf(here.locks.acquireAll(['a', 'm', 'z']));
        expect(problem).toBeInstanceOf(LockUsageError);
        await until('the others are free', async () => (await pods.keys()).length === 1);
      });
    });

    it('waits for those that are taken, in order, and has them all then', async () => {
      const busy = await there.locks.acquireAll(['b', 'd']);
      const asked = here.locks.acquireAll(['d', 'c', 'b', 'a']);
      const seen = watch(asked);
      await untilWaiting(there, 'b', 1);
      await busy.locks[0]!.release();
      await untilWaiting(there, 'd', 1);
      expect(seen.settled).toBe(false);
      expect(await there.locks.tryAcquire('a')).toBeNull();
      await busy.release();

      const set = await asked;
      expect(set.isHeld()).toBe(true);
      expect(await set.release()).toBe(true);
    });
  });

  it('Exclusion: thirty keys in opposite orders from two services never deadlock', async () => {
    const keys = Array.from({ length: 30 }, (_, i) => `key:${i}`);
    const inside = new Map<string, number>();
    let done = 0;
    const visit = async ({ locks }: Pod, names: readonly string[], n: number): Promise<void> => {
      // Now a few in the middle, now all; now to write, now to read some of them.
      const chosen = n % 3 === 0 ? names : names.filter((_, i) => (i + n) % 3 !== 0);
      const list = chosen.map((key, i) =>
        (i + n) % 4 === 0 ? { key, mode: 'shared' as const } : key,
      );
      await locks.using(list, async (set) => {
        for (const { key, mode } of set.locks) {
          const others = inside.get(key) ?? 0;
          expect(mode.kind === 'shared' ? others >= 0 : others === 0).toBe(true);
          inside.set(key, mode.kind === 'shared' ? others + 1 : -1);
        }
        await new Promise((resolve) => setImmediate(resolve));
        set.assertHeld();
        for (const { key, mode } of set.locks) {
          inside.set(key, mode.kind === 'shared' ? inside.get(key)! - 1 : 0);
        }
        done += 1;
      });
    };

    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        visit(n % 2 ? here : there, n % 2 ? keys : keys.toReversed(), n),
      ),
    );

    expect(done).toBe(60);
    await until('all free', async () => (await pods.keys()).length === 0);
  });

  describe('in scopes', () => {
    it('stand around the work, each to be taken again as its mode allows', async () => {
      await here.locks.using({ a: 'exclusive', b: 'shared' }, async (set) => {
        expect(currentLock('a')).toBe(set.locks[0]);
        expect(currentLock('b')).toBe(set.locks[1]);
        await here.locks.using(['a', 'b'], { mode: 'shared' }, (inner) => {
          expect(inner.tokens).toEqual(set.tokens);
        });
        const problem = await problemOf(here.locks.using(['a', 'b'], () => 'never'));
        expect(problem.message).toContain('"b" is held here as shared');
      });
      expect(await pods.keys()).toEqual([]);
    });

    it('of @Locked are readers together and writers alone, and limited ones up to the limit', async () => {
      @Injectable()
      class Rates {
        readonly reading = [new Stage(), new Stage()];
        readonly running = [new Stage(), new Stage()];
        modes: unknown[] = [];

        @Locked(['rates:<0>', 'all'], { mode: 'shared' })
        async read(_: string, n: number): Promise<void> {
          this.modes = [currentLock('all').mode, currentLock(`rates:${_}`).mode];
          await this.reading[n]!.pause();
        }

        @Locked(['rates:<0>', 'all'], { waitTime: 0, whenBusy: 'skip' })
        async write(_: string): Promise<string | undefined> {
          return 'written';
        }

        @Locked('export', { limit: 2, waitTime: 0, whenBusy: () => 'full' })
        async export(n: number): Promise<string> {
          this.modes = [currentLock().mode];
          await this.running[n]!.pause();
          return 'exported';
        }

        @Locked('handed')
        async begin(): Promise<string> {
          return currentLock().handOff();
        }
      }
      @Module({
        imports: [RedisLockModule.forRoot({ connection: pods.server.url })],
        providers: [Rates],
      })
      class App {}
      const app = await NestFactory.createApplicationContext(App, { logger: false });
      const rates = app.get(Rates);

      const reads = [0, 1].map((n) => rates.read('eur', n));
      await Promise.all(rates.reading.map(({ entered }) => entered));
      expect(rates.modes).toEqual([SHARED, SHARED]);
      expect(await rates.write('eur')).toBeUndefined();
      expect(await there.locks.tryAcquire('all')).toBeNull();
      for (const stage of rates.reading) stage.goOn();
      await Promise.all(reads);
      expect(await rates.write('eur')).toBe('written');

      const exports = [0, 1].map((n) => rates.export(n));
      await Promise.all(rates.running.map(({ entered }) => entered));
      expect(rates.modes).toEqual([{ kind: 'limited', limit: 2, permits: 1 }]);
      expect(await rates.export(0)).toBe('full');
      for (const stage of rates.running) stage.goOn();
      expect(await Promise.all(exports)).toEqual(['exported', 'exported']);

      const ticket = await rates.begin();
      expect(await there.locks.tryAcquire('handed')).toBeNull();
      await (await app.get(LockService).resume(ticket)).release();
      await app.close();
    });
  });
});
