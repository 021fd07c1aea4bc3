import { currentLock } from '../../../lib/lock/queue/lock-context.js';
import { detailOf } from '../../../lib/lock/lock.errors.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { MemoryStore } from '../../../lib/stores/memory/memory-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { connect, openStand, type Stand } from './stand.js';

const KEY = 'order:1';

describe('two services in one process, with the same key text', () => {
  let stand: Stand;
  const closing: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    stand = await openStand();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await stand.close();
  });

  function keep(locks: LockService, close?: () => void): LockService {
    closing.push(async () => {
      await locks.close();
      close?.();
    });
    return locks;
  }

  const OTHERS: [string, () => LockService][] = [
    [
      'a prefix of its own on the same client',
      () => {
        const store = new RedisStore({ client: stand.client, keyPrefix: 'other' });
        return keep(new LockService({ store, shutdownTimeout: 100 }));
      },
    ],
    [
      'a memory store',
      () => keep(new LockService({ store: new MemoryStore(), shutdownTimeout: 100 })),
    ],
    [
      'a second registration on another database',
      () => {
        const client = connect(stand.server.port, 1);
        const store = new RedisStore({ client });
        return keep(new LockService({ store, shutdownTimeout: 100 }), () => client.disconnect());
      },
    ],
  ];

  describe.each(OTHERS)('the other with %s', (_, open) => {
    it('Identity: inside a lock of the one, that of the other is really taken', async () => {
      const others = open();
      await stand.locks.using(KEY, async (outer) => {
        await others.using(KEY, async (inner) => {
          expect((await others.inspect(KEY)).holders).toHaveLength(1);
          expect(inner.token).not.toBe(outer.token);
          expect(stand.locks.currentLock(KEY)).toBe(outer);
          expect(others.currentLock(KEY)).toBe(inner);
          expect(stand.locks.currentLock()).toBe(outer);
          expect(currentLock()).toBe(inner);
          expect(() => currentLock(KEY)).toThrow(/two services/);
        });
        expect((await others.inspect(KEY)).holders).toEqual([]);
        expect(() => others.currentLock()).toThrow(/outside of a lock/);
        expect(outer.isHeld()).toBe(true);
      });
    });

    it('Identity: inside a lock of the one, the other waits for its own holder', async () => {
      const others = open();
      const theirs = await others.acquire(KEY);
      await stand.locks.using(KEY, async () => {
        expect(await others.tryAcquire(KEY)).toBeNull();
        await expect(others.acquire(KEY, { waitTime: 30 })).rejects.toMatchObject({
          code: 'LOCK_BUSY',
          reason: 'held',
        });
      });
      expect(await theirs.release()).toBe(true);
    });

    it('Identity: a lock that one of them lost is still held by the other', async () => {
      const others = open();
      const ours = await stand.locks.acquire(KEY);
      const theirs = await others.acquire(KEY);
      await stand.locks.forceRelease(KEY);
      expect(await ours.release()).toBe(false);
      await theirs.extend();
      expect(await theirs.release()).toBe(true);
    });
  });

  it('Identity: two services of one store nest in each other, for it is the same lock', async () => {
    const twin = keep(new LockService({ store: stand.store, ownsStore: false }));
    await stand.locks.using(KEY, () => twin.using(KEY, { waitTime: 0 }, () => undefined));
  });
});

describe('what is printed of a lock', () => {
  it('Identity: the secret of its owner is in none of it', async () => {
    const { inspect, format } = await import('node:util');
    const stand = await openStand();
    try {
      const lock = await stand.locks.acquire(KEY);
      const [owner] = String(await stand.admin.get(`lock:${KEY}`)).split(' ');
      const printed = [
        inspect(lock),
        inspect({ deep: { lock } }, { depth: 10, showHidden: true }),
        format('%o %s %j', lock, lock, lock),
        JSON.stringify({ lock }),
      ];
      for (const text of printed) expect(text).not.toContain(owner);
      expect(JSON.parse(JSON.stringify(lock))).toMatchObject({ key: KEY, token: lock.token });
      await lock.release();
    } finally {
      await stand.close();
    }
  });

  it('a key with line ends is escaped in what errors say', async () => {
    const stand = await openStand();
    try {
      const key = 'order\r\nERROR forged\u2028line\u0085\u001b[31m';
      await stand.locks.using(key, async () => {
        const other = new RedisStore({ client: stand.client });
        const busy = await new LockService({ store: other })
          .acquire(key, { waitTime: 0 })
          .catch((error: unknown) => error);
        expect(busy).toMatchObject({ code: 'LOCK_BUSY', key });
        const detail = detailOf(busy);
        expect(detail).toContain('"order\\r\\nERROR forged\\u2028line\\u0085\\u001b[31m"');
        // eslint-disable-next-line no-control-regex -- it is these that are looked for
        expect(detail).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        await other.close();
      });
    } finally {
      await stand.close();
    }
  });
});
