import { Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { allKeys } from '../../support/redis-probe.js';
import { until } from '../../support/until.js';
import { ask, request, release } from '../../support/callers.js';

const LEASE = 60_000;

describe("the user's own client", () => {
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
    const grant = await ask(store, request(key, { leaseTime: LEASE })).granted;
    if (grant === null) throw new Error('refused to one who waits');
    return grant;
  };
  const tryTake = (store: RedisStore, key = 'order:42') =>
    ask(store, request(key, { leaseTime: LEASE, wait: false })).granted;
  const untilWaiting = (store: RedisStore, count: number) =>
    until(`${count} waiting`, async () => (await store.inspect('order:42')).waiting === count);

  it('Identity: its db and its keyPrefix are respected, and a lock is one key, waited for or not', async () => {
    const store = storeOn(connect({ db: 3, keyPrefix: 'app:' }));
    const grant = await take(store);

    expect(await allKeys(server.url)).toEqual(['3/app:lock:order:42']);
    const waiting = ask(store, request('order:42', { leaseTime: LEASE }));
    await untilWaiting(store, 1);
    expect(await allKeys(server.url)).toEqual(['3/app:lock:order:42']);
    expect(await release(store, grant)).toBe(true);
    expect(await release(store, (await waiting.granted)!)).toBe(true);
  });

  it('Identity: what differs in db or prefix is another lock, with a queue of its own', async () => {
    const pairs = [{}, { db: 1 }, { keyPrefix: 'a:' }, { db: 1, keyPrefix: 'a:' }].map((options) =>
      [1, 2].map(() => storeOn(connect(options))),
    );
    const holders = await Promise.all(pairs.map(([first]) => tryTake(first!)));
    expect(holders.every((grant) => grant !== null)).toBe(true);

    const heirs = pairs.map(([, second]) =>
      ask(second!, request('order:42', { leaseTime: LEASE })),
    );
    await Promise.all(pairs.map(([, second]) => untilWaiting(second!, 1)));
    for (const [index, [first]] of pairs.entries()) {
      expect(await release(first!, holders[index]!)).toBe(true);
    }
    for (const [index, [, second]] of pairs.entries()) {
      expect(await release(second!, (await heirs[index]!.granted)!)).toBe(true);
    }
  });

  it('Identity: a client with a prefix and one that writes it out share the lock', async () => {
    const prefixed = storeOn(connect({ keyPrefix: 'app:' }));
    const plain = storeOn(connect(), 'app:lock');
    const holder = await take(prefixed);

    expect(await tryTake(plain)).toBeNull();
    const heir = ask(plain, request('order:42', { leaseTime: LEASE }));
    await untilWaiting(prefixed, 1);
    expect(await release(prefixed, holder)).toBe(true);
    expect(await release(plain, (await heir.granted)!)).toBe(true);
  });

  it('No leftover: no command is defined on it, and no listener stays', async () => {
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
    const heir = ask(store, request('order:42', { leaseTime: LEASE }));
    await untilWaiting(store, 1);
    await release(store, holder);
    await release(store, (await heir.granted)!);
    await store.close();

    expect({ names: names(), listeners: listeners(), options: { ...client.options } }).toEqual(
      before,
    );
  });

  it('it is not closed, not subscribed, and usable all the while', async () => {
    const client = connect();
    const store = storeOn(client);
    const holder = await take(store);
    const heir = ask(store, request('order:42', { leaseTime: LEASE }));
    await untilWaiting(store, 1);

    await client.set('mine', '1');
    expect(await client.getdel('mine')).toBe('1');
    await release(store, holder);
    await release(store, (await heir.granted)!);
    await store.close();

    expect(client.status).toBe('ready');
    expect(await client.ping()).toBe('PONG');
  });

  it('Identity: two stores with two prefixes on one client do not meet', async () => {
    const client = connect();
    const one = storeOn(client, 'one');
    const two = storeOn(client, 'two');
    const [first, second] = [await take(one), await take(two)];
    const heirs = [one, two].map((store) => ask(store, request('order:42', { leaseTime: LEASE })));
    await untilWaiting(one, 1);
    await untilWaiting(two, 1);

    expect(await release(one, second)).toBe(false);
    expect(await release(two, first)).toBe(false);
    expect(await release(one, first)).toBe(true);
    const inherited = await heirs[0]!.granted;
    expect(await release(one, inherited!)).toBe(true);
    await one.close();
    expect(await release(two, second)).toBe(true);
    expect(await release(two, (await heirs[1]!.granted)!)).toBe(true);
  });

  it('Exclusion: two stores on one client and one prefix are two processes to each other', async () => {
    const client = connect();
    const [one, two] = [storeOn(client), storeOn(client)];
    const first = await take(one);
    const heir = ask(two, request('order:42', { leaseTime: LEASE }));
    await untilWaiting(one, 1);

    expect(await release(one, first)).toBe(true);
    expect(await release(two, (await heir.granted)!)).toBe(true);
  });

  it('Identity: a lock is one key, a string until somebody waits, then a sorted set', async () => {
    const client = connect();
    const store = storeOn(client);
    const grant = await take(store);
    const { owner, token } = grant;
    expect(await client.get('lock:order:42')).toBe(`${owner} ${token}`);

    const heir = ask(store, request('order:42', { leaseTime: LEASE }));
    await untilWaiting(store, 1);
    const members = await client.zrange('lock:order:42', '0', '-1');
    expect(members).toEqual([
      '#',
      `${owner} ${token}`,
      expect.stringMatching(new RegExp(`^\\S+ ${LEASE} [01]$`)),
    ]);
    expect(await client.pttl('lock:order:42')).toBeGreaterThan(LEASE - 20_000);
    expect(await allKeys(server.url)).toEqual(['0/lock:order:42']);

    await release(store, grant);
    const heard = (await heir.granted)!;
    // It stays a set until the key is free.
    expect(await client.zrange('lock:order:42', '1', '-1')).toEqual([
      `${heard.owner} ${heard.token}`,
    ]);
    await release(store, heard);
    expect(await client.exists('lock:order:42')).toBe(0);
  });

  it('Exclusion: a plain SET NX on the same key keeps us out, and we keep it out', async () => {
    const client = connect();
    const store = storeOn(client);

    const grant = await take(store);
    expect(await client.set('lock:order:42', 'theirs', 'PX', LEASE, 'NX')).toBeNull();
    await release(store, grant);
    expect(await client.set('lock:order:42', 'theirs', 'PX', LEASE, 'NX')).toBe('OK');
    const refused = ask(store, request('order:42', { leaseTime: LEASE, wait: false }));
    expect(await refused.granted).toBeNull();
    const { progress } = refused;
    const [theirs] = progress.state === 'refused' ? progress.holders : [];
    expect(theirs).toMatchObject({ holder: undefined, mode: undefined });
    expect(theirs?.remainingMs).toBeGreaterThan(0);
    expect(await release(store, grant)).toBe(false);
    expect(await client.getdel('lock:order:42')).toBe('theirs');
  });

  it('closes a client that it owns', async () => {
    const client = connect();
    const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: true });
    await release(store, await take(store));

    await store.close();

    await until('ended', () => client.status === 'end');
  });
});
