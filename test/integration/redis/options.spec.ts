import { inspect } from 'node:util';

import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { granted } from '../../support/callers.js';
import { STRANGE_KEYS } from '../../support/strange-keys.js';
import { connect, openSite, type Site } from './site.js';

describe('what a store is given and what it shows', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  it('undefined for an option is its default, in the constructor and in open', async () => {
    const { server, there } = site;
    const nothing = {
      keyPrefix: undefined,
      answerTimeout: undefined,
      log: undefined,
      clock: undefined,
    };
    const made = site.another({ client: connect(server.port), ownsClient: undefined, ...nothing });
    const opened = await RedisStore.open({ connection: server.url, ...nothing });

    const grant = await made.take('order:42');
    expect(await site.keys()).toEqual(['lock:order:42']);
    expect(await there.tryTake('order:42')).toBeNull();
    await made.release(grant);
    const locks = new LockService({ store: opened, leaseTime: undefined, waitTime: undefined });
    await locks.using('order:42', async (lock) => {
      expect(lock.isHeld()).toBe(true);
      expect(await site.keys()).toEqual(['lock:order:42']);
    });
    await locks.close();
  });

  it('the secret of an owner is in nothing that is printed: store, attempt, lock, service', async () => {
    const { here, there, server } = site;
    const store = await RedisStore.open({ connection: server.url });
    const locks = new LockService({ store });
    const lock = await locks.acquire('order:42');
    const [secret = ''] = /#[\w-]+/.exec((await site.admin.get('lock:order:42')) ?? '') ?? [];
    expect(secret.length).toBeGreaterThan(10);
    const waiting = await there.waitAsNumber(1, 'order:42');
    const attempt = store.acquire(
      { key: 'other', mode: { kind: 'exclusive' }, leaseTime: 1_000, wait: false },
      { granted: () => undefined, refused: () => undefined, failed: () => undefined },
    );

    for (const one of [store, lock, locks, attempt, here.store, lock.signal]) {
      expect(inspect(one, { depth: 12 })).not.toContain(secret);
    }
    expect(JSON.stringify(await store.inspect('order:42'))).not.toContain(secret);
    await lock.release();
    await there.release(await granted(waiting));
    await locks.close();
  });

  it.each(['', '{app}', '{app', 'app}', '{}', '{a}{b}', 'a b', 'a:b*?[c]'])(
    'Identity: with the prefix %s no lock is another’s bookkeeping',
    async (keyPrefix) => {
      const here = site.another({ keyPrefix });
      const there = site.another({ keyPrefix });
      const keys = STRANGE_KEYS.filter((key) => key.length < 100);
      const held = await Promise.all(keys.map((key) => here.take(key)));
      const queue = await Promise.all(keys.map((key) => there.waitAsNumber(1, key)));

      const names = keys.map((key) => (keyPrefix === '' ? key : `${keyPrefix}:${key}`));
      expect((await site.keys()).sort()).toEqual(names.sort());
      const { locks } = await here.store.list({ limit: 10_000 });
      expect(locks.map(({ key }) => key).sort()).toEqual([...keys].sort());
      for (const grant of held) expect(await here.release(grant)).toBe(true);
      for (const asked of queue) expect(await there.release(await granted(asked))).toBe(true);
      expect(await site.keys()).toEqual([]);
    },
  );

  it('Identity: without a prefix only locks of ours are listed, among whatever there is', async () => {
    const here = site.another({ keyPrefix: '' });
    await Promise.all([
      site.admin.set('a string', 'data'),
      site.admin.hset('a hash', 'field', 1),
      site.admin.zadd('a set', 1, 'member'),
      here.take('order:42'),
    ]);

    const { locks } = await here.store.list();
    expect(locks.map(({ key }) => key)).toEqual(['order:42']);
    expect((await here.store.inspect('a string')).holders).toMatchObject([{ mode: undefined }]);
  });
});
