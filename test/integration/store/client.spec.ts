import { Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { allKeys } from '../../support/redis-probe.js';
import { until } from '../../support/until.js';

const LEASE = 60_000;

describe("row 19: the user's own client", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  const clients: Redis[] = [];
  const stores: RedisStore[] = [];
  const connect = (options: object = {}): Redis => {
    const client = new Redis(server.url, options);
    clients.push(client);
    return client;
  };
  const storeOn = (client: Redis, keyPrefix = 'lock'): RedisStore => {
    const store = new RedisStore({ client, keyPrefix, ownsClient: false });
    stores.push(store);
    return store;
  };
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    for (const client of clients.splice(0)) if (client.status !== 'end') client.disconnect();
    expect(await allKeys(server.url)).toEqual([]);
  });

  const take = async (store: RedisStore, key = 'order:42') => {
    const grant = await store.acquire({ key, leaseTime: LEASE, wait: true }).granted;
    if (grant === null) throw new Error('refused to one who waits');
    return grant;
  };
  const tryTake = (store: RedisStore, key = 'order:42') =>
    store.acquire({ key, leaseTime: LEASE, wait: false }).granted;
  const untilWaiting = (store: RedisStore, count: number) =>
    until(`${count} in line`, async () => (await store.inspect('order:42')).waiting === count);

  it('row 19: its db and its keyPrefix are respected', async () => {
    const store = storeOn(connect({ db: 3, keyPrefix: 'app:' }));
    const grant = await take(store);

    expect(await allKeys(server.url)).toEqual(['3/app:lock:order:42']);
    const waiting = store.acquire({ key: 'order:42', leaseTime: LEASE, wait: true });
    await untilWaiting(store, 1);
    for (const key of await allKeys(server.url)) expect(key).toMatch(/^3\/.*app:lock:order:42/);
    expect(await store.release(grant)).toBe(true);
    expect(await store.release((await waiting.granted)!)).toBe(true);
  });

  it('row 19: what differs in db or prefix is another lock, and hands over within itself', async () => {
    const pairs = [{}, { db: 1 }, { keyPrefix: 'a:' }, { db: 1, keyPrefix: 'a:' }].map((options) =>
      [1, 2].map(() => storeOn(connect(options))),
    );
    const holders = await Promise.all(pairs.map(([first]) => tryTake(first!)));
    expect(holders.every((grant) => grant !== null)).toBe(true);

    const heirs = pairs.map(([, second]) =>
      second!.acquire({ key: 'order:42', leaseTime: LEASE, wait: true }),
    );
    await Promise.all(pairs.map(([, second]) => untilWaiting(second!, 1)));
    for (const [index, [first]] of pairs.entries()) {
      expect(await first!.release(holders[index]!)).toBe(true);
    }
    for (const [index, [, second]] of pairs.entries()) {
      expect(await second!.release((await heirs[index]!.granted)!)).toBe(true);
    }
  });

  it('row 19: a client with a prefix and one that writes it out share the lock', async () => {
    const prefixed = storeOn(connect({ keyPrefix: 'app:' }));
    const plain = storeOn(connect(), 'app:lock');
    const holder = await take(prefixed);

    expect(await tryTake(plain)).toBeNull();
    const heir = plain.acquire({ key: 'order:42', leaseTime: LEASE, wait: true });
    await untilWaiting(prefixed, 1);
    expect(await prefixed.release(holder)).toBe(true);
    expect(await plain.release((await heir.granted)!)).toBe(true);
  });

  it('row 19: no command is defined on it, and no listener stays', async () => {
    const client = connect();
    await client.ping();
    const listeners = (): Record<string, number> =>
      Object.fromEntries(
        client.eventNames().map((name) => [String(name), client.listenerCount(name)]),
      );
    const names = (): string[] => {
      const found: string[] = [];
      for (
        let part: object | null = client;
        part !== null;
        part = Object.getPrototypeOf(part) as object | null
      ) {
        found.push(...Object.getOwnPropertyNames(part));
      }
      return found.sort();
    };
    const before = { names: names(), listeners: listeners(), options: { ...client.options } };

    const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
    const holder = await take(store);
    const heir = store.acquire({ key: 'order:42', leaseTime: LEASE, wait: true });
    await untilWaiting(store, 1);
    await store.release(holder);
    await store.release((await heir.granted)!);
    await store.close();

    expect({ names: names(), listeners: listeners(), options: { ...client.options } }).toEqual(
      before,
    );
  });

  it('row 19: it is not closed, not subscribed, and usable all the while', async () => {
    const client = connect();
    const store = storeOn(client);
    const holder = await take(store);
    const heir = store.acquire({ key: 'order:42', leaseTime: LEASE, wait: true });
    await untilWaiting(store, 1);

    await client.set('mine', '1');
    expect(await client.getdel('mine')).toBe('1');
    await store.release(holder);
    await store.release((await heir.granted)!);
    await store.close();

    expect(client.status).toBe('ready');
    expect(await client.ping()).toBe('PONG');
  });

  it('row 19: two stores on one client do not meet', async () => {
    const client = connect();
    const one = storeOn(client, 'one');
    const two = storeOn(client, 'two');
    const [first, second] = [await take(one), await take(two)];
    const heirs = [one, two].map((store) =>
      store.acquire({ key: 'order:42', leaseTime: LEASE, wait: true }),
    );
    await untilWaiting(one, 1);
    await untilWaiting(two, 1);

    expect(await one.release(second)).toBe(false);
    expect(await two.release(first)).toBe(false);
    expect(await one.release(first)).toBe(true);
    const inherited = await heirs[0]!.granted;
    expect(await one.release(inherited!)).toBe(true);
    await one.close();
    expect(await two.release(second)).toBe(true);
    expect(await two.release((await heirs[1]!.granted)!)).toBe(true);
  });

  it('row 19: two stores on one client and one prefix are two processes to each other', async () => {
    const client = connect();
    const [one, two] = [storeOn(client), storeOn(client)];
    const first = await take(one);
    const heir = two.acquire({ key: 'order:42', leaseTime: LEASE, wait: true });
    await untilWaiting(one, 1);

    expect(await one.release(first)).toBe(true);
    expect(await two.release((await heir.granted)!)).toBe(true);
  });

  it('excludes, and is excluded by, a plain SET NX on the same key', async () => {
    const client = connect();
    const store = storeOn(client);

    const grant = await take(store);
    expect(await client.set('lock:order:42', 'theirs', 'PX', LEASE, 'NX')).toBeNull();
    await store.release(grant);
    expect(await client.set('lock:order:42', 'theirs', 'PX', LEASE, 'NX')).toBe('OK');
    const refused = store.acquire({ key: 'order:42', leaseTime: LEASE, wait: false });
    expect(await refused.granted).toBeNull();
    expect(refused.contention?.holder).toBeUndefined();
    expect(refused.contention?.remaining).toBeGreaterThan(0);
    expect(await store.release(grant)).toBe(false);
    expect(await client.getdel('lock:order:42')).toBe('theirs');
  });

  it('closes a client that it owns', async () => {
    const client = connect();
    const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: true });
    await store.release(await take(store));

    await store.close();

    await until('ended', () => client.status === 'end');
  });
});
