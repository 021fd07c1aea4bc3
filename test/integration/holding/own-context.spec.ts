import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { lockEvents } from '../../../lib/lock/lock-events.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import { currentFrame } from '../../../lib/lock/queue/lock-context.js';
import { MemoryStore } from '../../../lib/stores/memory/memory-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep } from '../../support/until.js';
import { connect } from './stand.js';

/** What a user keeps in a context of their own, such as the id of a request. */
const users = new AsyncLocalStorage<string>();
/** Where some code of a user ran. */
const here = (): unknown => ({ user: users.getStore(), inLocks: currentFrame() !== undefined });
const NOBODY = { user: undefined, inLocks: false };

describe.each(['memory', 'Redis'])("users' code, with a store in %s", (kind) => {
  let server: RedisServer | undefined;
  let store: LockStore;
  let locks: LockService;
  let close: () => void = () => undefined;
  beforeAll(async () => {
    if (kind === 'Redis') server = await startRedis();
  });
  beforeEach(() => {
    if (server) {
      const client = connect(server.port);
      close = () => client.disconnect();
      store = new RedisStore({ client });
    } else {
      store = new MemoryStore();
    }
    locks = new LockService({ store, leaseTime: 2_000, waitTime: 20_000, shutdownTimeout: 100 });
  });
  afterEach(async () => {
    await locks.close();
    close();
  });
  afterAll(() => server?.stop());

  it.each([{ fair: false }, { fair: true }])(
    'Own context: each caller goes on in its own after a wait, %j',
    async (options) => {
      const seen = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          users.run(`user ${String(i)}`, async () => {
            const first = await locks.using('order:1', options, async () => {
              await sleep(0);
              return users.getStore();
            });
            const lock = await locks.acquire('order:1', options);
            const second = users.getStore();
            await lock.release();
            return [first, second, users.getStore(), currentFrame()];
          }),
        ),
      );
      seen.forEach((contexts, i) => {
        const own = `user ${String(i)}`;
        expect(contexts).toEqual([own, own, own, undefined]);
      });
    },
  );

  it('Own context: an abort listener runs in nobody’s, and does not count as nested', async () => {
    const lock = await users.run('first', () => locks.acquire('order:1'));
    const told = new Promise<unknown>((resolve, reject) => {
      lock.signal.addEventListener('abort', () => {
        const where = here();
        // Nested, it would have the key at once, though another holds it.
        locks.tryAcquire('order:2').then((other) => resolve({ where, other }), reject);
      });
    });
    await users.run('second', () =>
      locks.using('order:2', async () => {
        await store.forceRelease('order:1');
        // The loss is learnt inside this caller's scope.
        await lock.extend().catch(() => undefined);
        expect(await told).toEqual({ where: NOBODY, other: null });
      }),
    );
  });

  it('Own context: so does one that is called when the lease has run out', async () => {
    const lock = await users.run('first', () => locks.acquire('order:1', { maxHoldTime: 50 }));
    const told = new Promise<unknown>((resolve) => {
      lock.signal.addEventListener('abort', () => resolve(here()));
    });
    await users.run('second', () =>
      locks.using('order:2', async () => {
        expect(await told).toEqual(NOBODY);
      }),
    );
  });

  it('Own context: one of a nested handle, whose maxHoldTime ends', async () => {
    await users.run('first', () =>
      locks.using('order:1', async () => {
        const handle = await locks.acquire('order:1', { maxHoldTime: 30 });
        const told = new Promise<unknown>((resolve) => {
          handle.signal.addEventListener('abort', () => resolve(here()));
        });
        expect(await told).toEqual(NOBODY);
      }),
    );
  });

  it('Own context: subscribers of the diagnostics channels run in that of the caller who asked', async () => {
    const seen = new Map<string, unknown[]>();
    const listener = (_: unknown, name: string | symbol): void => {
      const there = seen.get(String(name)) ?? [];
      seen.set(String(name), [...there, here()]);
    };
    const names = Object.values(lockEvents).map(({ name }) => String(name));
    for (const name of names) subscribe(name, listener);
    try {
      await users
        .run('user', () =>
          locks.using('order:1', async (lock) => {
            await locks.using('order:1', () => undefined);
            const elsewhere = await locks.acquire('order:2');
            await locks.acquire('order:2', { waitTime: 10 }).catch(() => undefined);
            const signal = AbortSignal.timeout(10);
            await locks.acquire('order:2', { signal }).catch(() => undefined);
            await elsewhere.release();
            await lock.extend();
            await store.forceRelease('order:1');
            await lock.extend().catch(() => undefined);
          }),
        )
        .catch(() => undefined);
    } finally {
      for (const name of names) unsubscribe(name, listener);
    }
    const told = ['acquire:start', 'acquire:granted', 'acquire:busy', 'acquire:aborted', 'lost'];
    for (const name of [...told, 'renew', 'release']) {
      expect(seen.get(`nest-locked:${name}`)?.length).toBeGreaterThan(0);
    }
    for (const contexts of seen.values()) {
      for (const where of contexts) expect(where).toMatchObject({ user: 'user' });
    }
  });
});
