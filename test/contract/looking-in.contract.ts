import { EXCLUSIVE } from '../../lib/stores/lock-mode.js';
import type { ListOptions, LockState, LockStore } from '../../lib/stores/lock-store.js';
import { Callers, free, granted, LONG, SHORT } from '../support/callers.js';
import { STRANGE_KEYS } from '../support/strange-keys.js';
import { US } from './exclusion.contract.js';
import type { StoreHarness } from './store-harness.js';

/** What people see of the locks, and how they end one. */
export function describeLookingIn(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  describe('inspect', () => {
    it('describes a key: free, held, waited for', async () => {
      expect(await here.store.inspect('order:42')).toEqual(free('order:42'));

      const holder = await here.take('order:42');
      const held = await there.store.inspect('order:42');
      expect(held).toMatchObject({
        key: 'order:42',
        holders: [{ holder: US, mode: EXCLUSIVE }],
        waiting: 0,
      });
      expect(Number.isFinite(held.holders[0]!.sinceEpochMs)).toBe(true);
      expect(held.holders[0]!.remainingMs).toBeLessThanOrEqual(LONG);
      expect(held.holders[0]!.remainingMs).toBeGreaterThan(LONG / 2);

      const first = await there.waitAsNumber(1, 'order:42');
      const second = await here.waitAsNumber(2, 'order:42');
      expect(await there.store.inspect('order:42')).toMatchObject({
        holders: [{ holder: US, mode: EXCLUSIVE }],
        waiting: 2,
      });
      for (const asked of [first, second]) asked.leave();
      await here.untilWaiting('order:42', 0);
      await here.release(holder);
      expect(await here.store.inspect('order:42')).toEqual(free('order:42'));
    });

    it('tells nobody the owner, with which a lock could be taken away', async () => {
      const { owner } = await here.take('order:42');
      const waiting = await there.waitAsNumber(1, 'order:42');

      const seen = [await there.store.inspect('order:42'), await there.store.list()];

      const secret = owner.slice(owner.lastIndexOf('#'));
      expect(JSON.stringify(seen)).toContain(US);
      expect(JSON.stringify(seen)).not.toContain(secret);
      waiting.leave();
    });
  });

  describe('list', () => {
    it('shows what is held and waited for, from every process', async () => {
      expect(await listAll(here.store)).toEqual(new Map());
      await here.take('order:1');
      await there.take('order:2');
      const queue = [await here.waitAsNumber(1, 'order:2'), await here.waitAsNumber(2, 'order:2')];

      for (const { store } of [here, there]) {
        const locks = await listAll(store);
        expect([...locks.keys()].sort()).toEqual(['order:1', 'order:2']);
        for (const key of locks.keys()) {
          const { holders, waiting } = locks.get(key)!;
          expect(holders).toMatchObject([{ holder: US, mode: EXCLUSIVE }]);
          expect(holders[0]!.remainingMs).toBeGreaterThan(LONG / 2);
          expect(waiting).toBe(key === 'order:2' ? 2 : 0);
        }
      }
      for (const asked of queue) asked.leave();
    });

    it('goes page by page, and misses nobody who holds all the while', async () => {
      const keys = Array.from({ length: 25 }, (_, index) => `order:${index}`);
      await Promise.all(keys.map((key) => here.take(key)));

      for (const limit of [1, 7, 25, 10_000]) {
        const locks = await listAll(there.store, { limit });
        expect([...locks.keys()].sort()).toEqual([...keys].sort());
      }
    });

    it('shows only keys that begin with the prefix, taken literally', async () => {
      const keys = ['order:1', 'order:2', 'orders', 'user:1', '*', 'o*', '[o]rder', 'o?', '\\*'];
      await Promise.all(keys.map((key) => here.take(key)));

      for (const prefix of ['', 'order:', 'o', 'o*', '*', '[o]', 'o?', '\\', 'nobody']) {
        const locks = await listAll(there.store, { prefix, limit: 3 });
        const expected = keys.filter((key) => key.startsWith(prefix));
        expect([...locks.keys()].sort()).toEqual(expected.sort());
      }
    });

    it('gives any text back as it was', async () => {
      await Promise.all(STRANGE_KEYS.map((key) => here.take(key)));

      const locks = await listAll(there.store);

      expect([...locks.keys()].sort()).toEqual([...STRANGE_KEYS].sort());
    });

    it('shows nothing that was given back, or whose holder is dead', async () => {
      await here.release(await here.take('given back'));
      await here.take('held');
      const each = harness().store.traits.leases === 'each';
      if (each) await here.take('expired', SHORT);
      await harness().pass(SHORT * 2);

      expect([...(await listAll(there.store)).keys()]).toEqual(['held']);
    });
  });

  describe('forceRelease', () => {
    it('says that nobody held a free key', async () => {
      expect(await here.store.forceRelease('order:42')).toBe(false);

      expect(await harness().leftovers()).toEqual([]);
    });

    it('No silent loss: frees a held key, and its holder learns of it', async () => {
      const holder = await here.take('order:42');

      expect(await there.store.forceRelease('order:42')).toBe(true);

      expect(await there.store.inspect('order:42')).toEqual(free('order:42'));
      expect(await here.extend(holder, LONG)).toBeNull();
      expect(await here.release(holder)).toBe(false);
      expect(await there.store.forceRelease('order:42')).toBe(false);
      expect(await harness().leftovers()).toEqual([]);
    });

    it('lets the next in the queue in, whom the one before cannot touch', async () => {
      const holder = await here.take('order:42');
      const first = await there.waitAsNumber(1, 'order:42');
      const second = await here.waitAsNumber(2, 'order:42');

      expect(await there.store.forceRelease('order:42')).toBe(true);

      const next = await granted(first);
      expect(await here.extend(holder, LONG)).toBeNull();
      expect(await here.release(holder, holder.lastToken)).toBe(false);
      expect(await here.store.inspect('order:42')).toMatchObject({ waiting: 1 });
      expect(await there.release(next)).toBe(true);
      expect(await here.release(await granted(second))).toBe(true);
      expect(await harness().leftovers()).toEqual([]);
    });
  });
}

/** All pages, by key: a key may come twice when it changes meanwhile. */
async function listAll(
  store: LockStore,
  options: ListOptions = {},
): Promise<Map<string, LockState>> {
  const found = new Map<string, LockState>();
  let { cursor } = options;
  for (let pages = 0; pages < 1_000; pages += 1) {
    const page = await store.list({ ...options, cursor });
    for (const lock of page.locks) found.set(lock.key, lock);
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
  throw new Error('a thousand pages, and no end');
}
