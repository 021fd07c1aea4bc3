import 'reflect-metadata';
import { inspect } from 'node:util';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import {
  Locked,
  LockKeyError,
  LockService,
  LockTicketError,
  LockUsageError,
  MemoryStore,
  RedisLockModule,
} from '../../lib/index.js';
import { detailOf } from '../../lib/lock/lock.errors.js';
import { resolveOptions } from '../../lib/module/redis-lock.options.js';

const KEY = 'order:42';
const MOST = 2 ** 31 - 1;

/** What the options of one lock must not be, and what is said of them. */
const BAD_OPTIONS: readonly (readonly [object, string])[] = [
  [{ limit: 0 }, `limit must be a whole number from 1 to ${MOST}, received 0`],
  [{ limit: -1 }, 'received -1'],
  [{ limit: -0 }, 'received -0'],
  [{ limit: 2.5 }, 'received 2.5'],
  [{ limit: 2 ** 31 }, 'received 2147483648'],
  [{ limit: 2 ** 53 }, 'received 9007199254740992'],
  [{ limit: Infinity }, 'received Infinity'],
  [{ limit: Number.NaN }, 'received NaN'],
  [{ limit: '5' }, "received '5'"],
  [{ limit: null }, 'received null'],
  [{ limit: 5n }, 'received 5n'],
  [{ limit: true }, 'received true'],
  [{ limit: [5] }, 'received [ 5 ]'],
  [{ limit: 3, permits: 4 }, 'permits must be a whole number from 1 to limit 3, received 4'],
  [{ limit: 3, permits: 0 }, 'received 0'],
  [{ limit: 3, permits: -1 }, 'received -1'],
  [{ limit: 3, permits: 1.5 }, 'received 1.5'],
  [{ limit: 3, permits: '1' }, "received '1'"],
  [{ limit: 3, permits: null }, 'received null'],
  [{ permits: 2 }, 'permits 2 was given without a limit'],
  [{ mode: 'shared', permits: 2 }, 'permits 2 was given without a limit'],
  [{ mode: 'shared', limit: 5 }, "mode 'shared' and limit 5 were given together"],
  [{ mode: 'exclusive', limit: 1 }, "mode 'exclusive' and limit 1 were given together"],
  [{ mode: 'limited' }, "mode must be 'exclusive' or 'shared'"],
  [{ mode: 'read' }, "received 'read'"],
  [{ mode: '' }, "received ''"],
  [{ mode: null }, 'received null'],
  [{ mode: 1 }, 'received 1'],
  [{ mode: ['shared'] }, "received [ 'shared' ]"],
  [{ renew: false, maxHoldTime: 60_000 }, 'renew: false and maxHoldTime 60000 were given together'],
  [{ renew: false, maxHoldTime: Infinity }, 'renew: false and maxHoldTime Infinity'],
  [{ renew: 0 }, 'renew must be true or false, received 0'],
  [{ renew: null }, 'received null'],
  [{ renew: 'false' }, "received 'false'"],
  [{ minHoldTime: -1 }, `minHoldTime must be a number of ms from 0 to ${MOST}, received -1`],
  [{ minHoldTime: Infinity }, 'received Infinity'],
  [{ minHoldTime: '60s' }, "received '60s'"],
  [{ minHoldTime: Number.NaN }, 'received NaN'],
  [{ minHoldTime: null }, 'received null'],
  [
    { minHoldTime: 60_000, maxHoldTime: 50_000 },
    'minHoldTime 60000 is longer than maxHoldTime 50000',
  ],
  [
    { minHoldTime: 60_000, leaseTime: 50_000, renew: false },
    'minHoldTime 60000 is longer than leaseTime 50000, and renew: false',
  ],
  [{ until: 'commit' }, "until must be 'method', 'transaction' or 'handler', received 'commit'"],
  [{ until: null }, 'received null'],
  [{ until: true }, 'received true'],
  [{ limits: 5 }, 'unknown option "limits" (5)'],
  [{ permit: 5 }, 'unknown option "permit" (5)'],
  [{ shared: true }, 'unknown option "shared" (true)'],
];

/** What a list of keys must not be. */
const BAD_KEYS: readonly (readonly [unknown, string])[] = [
  [[], 'no key was given: name at least one, received []'],
  [{}, 'no key was given: name at least one, received {}'],
  [new Set(['a']), "received Set(1) { 'a' }"],
  [new Map([['a', 'shared']]), "received Map(1) { 'a' => 'shared' }"],
  ['a', "received 'a'"],
  [undefined, 'received undefined'],
  [null, 'received null'],
  [5, 'received 5'],
  [['a', { key: 'a', mode: 'shared' }], '"a" stands in the list twice, as exclusive and as shared'],
  [
    [
      { key: 'a', limit: 5 },
      { key: 'a', limit: 4 },
    ],
    'as 1 of 5 permits and as 1 of 4 permits',
  ],
  [
    [
      { key: 'a', limit: 5, permits: 2 },
      { key: 'a', limit: 5 },
    ],
    'as 2 of 5 permits and as 1 of 5 permits',
  ],
  [{ a: 'limited' }, "received 'limited'"],
  [{ a: 5 }, 'received 5'],
  [{ a: null }, 'received null'],
  [{ a: { limit: 5 } }, 'received { limit: 5 }'],
  [[{ key: 'a', limit: 0 }], 'received 0'],
  [[{ key: 'a', mode: 'shared', limit: 2 }], "mode 'shared' and limit 2"],
  [[{ key: 'a', permits: 2 }], 'permits 2 was given without a limit'],
  [
    [{ key: 'a', permit: 2 }],
    'unknown option "permit" (2) of "a"; known are key, mode, limit, permits',
  ],
  [[{ key: 'a', leaseTime: 50 }], 'unknown option "leaseTime" (50) of "a"'],
];

/** A key of a list that is none. */
const NO_KEYS: readonly (readonly [unknown, string])[] = [
  [[''], "received ''"],
  [{ '': 'shared' }, "received ''"],
  [[null], 'received null'],
  [[undefined], 'received undefined'],
  [[42], 'received 42'],
  [[{}], 'received undefined'],
  [[['a']], 'received undefined'],
  [[{ key: 5 }], 'received 5'],
  [['a', { mode: 'shared' }], 'received undefined'],
  [['x'.repeat(1_025)], '1025'],
];

async function problemOf(work: () => unknown): Promise<Error> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was taken');
}

describe('bad input', () => {
  describe('to the service', () => {
    let store: MemoryStore;
    let locks: LockService;
    beforeEach(() => {
      store = new MemoryStore();
      locks = new LockService({ store });
    });
    afterEach(async () => {
      expect((await store.list()).locks).toEqual([]);
      await locks.close();
    });

    it.each(BAD_OPTIONS)(
      'the options %p are refused, and say what was received',
      async (bad, problem) => {
        const options = bad as { mode?: 'shared' };
        for (const work of [
          () => locks.acquire(KEY, options),
          () => locks.tryAcquire(KEY, options),
          () => locks.using(KEY, options, () => 'never'),
          () => locks.acquireAll(['a', KEY], options),
          () => locks.using(['a', KEY], options, () => 'never'),
        ]) {
          const told = await problemOf(work);
          expect(told).toBeInstanceOf(LockUsageError);
          expect(told.message).toContain(problem);
        }
      },
    );

    it.each(BAD_KEYS)(
      'the keys %p are refused, and say what was received',
      async (bad, problem) => {
        const keys = bad as string[];
        for (const work of [
          () => locks.acquireAll(keys),
          // One string is one key there.
          ...(typeof bad === 'object' && bad ? [() => locks.using(keys, () => 'never')] : []),
        ]) {
          const told = await problemOf(work);
          expect(told).toBeInstanceOf(LockUsageError);
          expect(told.message).toContain(problem);
        }
      },
    );

    it.each(NO_KEYS)('the keys %p name no key, and say what was received', async (bad, problem) => {
      const keys = bad as string[];
      for (const work of [() => locks.acquireAll(keys), () => locks.using(keys, () => 'never')]) {
        const told = await problemOf(work);
        expect(told).toBeInstanceOf(LockKeyError);
        expect(told.message).toContain(problem);
      }
    });

    it('the mode of the options counts where a list says nothing: that may make it two', async () => {
      const told = await problemOf(() =>
        locks.acquireAll(['a', { key: 'a', mode: 'exclusive' }], { mode: 'shared' }),
      );
      expect(told.message).toContain('as shared and as exclusive');
      const set = await locks.acquireAll(['a', { key: 'a', mode: 'shared' }], { mode: 'shared' });
      expect(set.keys).toEqual(['a']);
      await set.release();
    });

    it('a minHoldTime is measured against the leaseTime that holds by default', async () => {
      const short = new LockService({ store, leaseTime: 5_000, ownsStore: false });
      for (const work of [
        () => short.acquire(KEY, { renew: false, minHoldTime: 5_001 }),
        () => short.acquireAll([KEY], { renew: false, minHoldTime: 5_001 }),
      ]) {
        expect((await problemOf(work)).message).toContain('is longer than leaseTime 5000');
      }
      const lock = await short.acquire(KEY, { renew: false, minHoldTime: 1, leaseTime: 5_001 });
      await lock.release();
      await locks.forceRelease(KEY);
      await short.close();
    });

    it.each([
      [{ limit: MOST, permits: MOST }],
      [{ limit: 1 }],
      [{ mode: undefined, limit: 2, permits: undefined }],
      [{ mode: 'shared' as const, limit: undefined }],
      [{ renew: false, maxHoldTime: undefined }],
      [{ renew: true, maxHoldTime: 60_000 }],
      [{ minHoldTime: 0, renew: false }],
    ])('the options %p are taken', async (options) => {
      const lock = await locks.acquire(KEY, options);
      expect(await lock.release()).toBe(true);
    });

    it('to release a free key by force is answered with false', async () => {
      expect(await locks.forceRelease(KEY)).toBe(false);
      const told = await problemOf(() => locks.forceRelease(''));
      expect(told).toBeInstanceOf(LockKeyError);
      expect(told.message).toContain("received ''");
    });

    it('a ticket that is old, foreign or mangled is refused, each in its own words', async () => {
      const other = new LockService({ store: new MemoryStore() });
      const foreign = await (await other.acquire(KEY)).handOff();
      const old = await (await locks.acquire(KEY)).handOff();
      await locks.forceRelease(KEY);

      for (const [ticket, reason, words] of [
        [old, 'ended', 'has ended, or was resumed already'],
        [foreign, 'foreign', 'and this service locks in'],
        [old.slice(1), 'mangled', `${old.length - 1} letters were received`],
        ['', 'mangled', '0 letters were received'],
        [undefined, 'mangled', 'received undefined'],
        [{ ticket: old }, 'mangled', 'received an object'],
      ] as const) {
        const told = await problemOf(() => locks.resume(ticket as string));
        expect(told).toBeInstanceOf(LockTicketError);
        expect(told).toMatchObject({ code: 'LOCK_TICKET', reason });
        expect(detailOf(told)).toContain(words);
        expect(inspect(told)).not.toContain(old.split('.')[1]);
      }
      await other.close();
    });

    it.each([
      [{ leaseTime: 9 }, 'received 9'],
      [{ renew: false, maxHoldTime: 5_000 }, 'were given together'],
      [{ leasetime: 9 }, 'unknown option "leasetime" (9)'],
      [{ mode: 'shared' }, 'unknown option "mode"'],
      [{ waitTime: 5 }, 'unknown option "waitTime" (5)'],
    ])('to resume with %p is refused, and the ticket stays good', async (options, problem) => {
      const ticket = await (await locks.acquire(KEY)).handOff();

      const told = await problemOf(() => locks.resume(ticket, options as object));

      expect(told).toBeInstanceOf(LockUsageError);
      expect(told.message).toContain(problem);
      await (await locks.resume(ticket)).release();
    });

    it.each([['a'], [9], [Infinity], [null]])('to extend by %p is refused', async (ms) => {
      const lock = await locks.acquire(KEY);
      const told = await problemOf(() => lock.extend(ms as number));
      expect(told).toBeInstanceOf(LockUsageError);
      expect(told.message).toContain(`received ${inspect(ms)}`);
      await lock.release();
    });
  });

  describe('to @Locked, at class definition', () => {
    const define = (key: unknown, options?: unknown): void => {
      class Stock {
        async take(): Promise<void> {
          return Promise.resolve();
        }
      }
      const decorate = Locked as (...args: unknown[]) => (...args: unknown[]) => void;
      const descriptor = Object.getOwnPropertyDescriptor(Stock.prototype, 'take');
      decorate(key, options)(Stock.prototype, 'take', descriptor);
    };

    it.each(BAD_OPTIONS)(
      'the options %p are refused, and say what was received',
      async (options, problem) => {
        for (const key of ['a', ['a', 'b'], () => 'a']) {
          const told = await problemOf(() => define(key, options));
          expect(told).toBeInstanceOf(LockUsageError);
          expect(detailOf(told)).toMatch(/^Stock\.take: /);
          expect(detailOf(told)).toContain(problem);
        }
      },
    );

    it.each([
      [[], 'an array of templates or a function, not an array'],
      [{}, 'a key is a template'],
      [{ a: 'shared' }, 'a key is a template'],
      [[{ key: 'a', mode: 'shared' }], 'each of several keys is a string'],
      [[''], 'the key template is empty'],
      [null, 'a key is a template'],
    ])('the keys %p are refused', async (key, problem) => {
      const told = await problemOf(() => define(key));
      expect(told).toBeInstanceOf(LockUsageError);
      expect(detailOf(told)).toMatch(/^Stock\.take: /);
      expect(detailOf(told)).toContain(problem);
    });
  });

  describe('to forRoot', () => {
    it.each([
      [{ limit: 5 }, 'unknown option "limit" (5)'],
      [{ mode: 'shared' }, 'unknown option "mode" (a string)'],
      [{ permits: 2 }, 'unknown option "permits" (2)'],
      [{ renew: false }, 'unknown option "renew" (false)'],
      [{ minHoldTime: 5 }, 'unknown option "minHoldTime" (5)'],
      [{ maxHoldTime: 5 }, 'unknown option "maxHoldTime" (5)'],
    ])('%p is of one lock, and not for all: it is refused by name', async (options, problem) => {
      const told = await problemOf(() => resolveOptions(options));
      expect(told).toBeInstanceOf(LockUsageError);
      expect(detailOf(told)).toContain(problem);
      @Module({ imports: [RedisLockModule.forRoot(options as object)] })
      class App {}
      const boot = await problemOf(() =>
        NestFactory.createApplicationContext(App, { logger: false, abortOnError: false }),
      );
      expect(boot).toBeInstanceOf(LockUsageError);
      expect(boot.message).toContain(problem);
    });

    it('a store that cannot pass a lock on is none', async () => {
      const store = Object.assign(Object.create(new MemoryStore()) as object, {
        succeed: undefined,
      });
      const told = await problemOf(() => resolveOptions({ store }));
      expect(told).toBeInstanceOf(LockUsageError);
      expect(told.message).toContain('store must be a LockStore');
    });
  });
});
