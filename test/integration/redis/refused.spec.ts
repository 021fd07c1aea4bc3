import { StoreUnavailableError } from '../../../lib/stores/lock-store.js';
import { until } from '../../support/until.js';
import { startReplica } from './replica.js';
import { connect, openSite, type Site } from './site.js';

const LEASE = 60_000;

/** The server's answer is an error: it is there at once, in the server's words. */
async function refusal(asked: Promise<unknown>): Promise<string> {
  const began = performance.now();
  const error: unknown = await asked.then(
    () => new Error('had'),
    (reason: unknown) => reason,
  );
  expect(error).not.toBeInstanceOf(StoreUnavailableError);
  expect(performance.now() - began).toBeLessThan(1_000);
  return (error as Error).message;
}

describe('an error that Redis answers with', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  it.each([
    ['list', ['RPUSH', 'x'], /WRONGTYPE .*holds a list/],
    ['set', ['SADD', 'x'], /WRONGTYPE .*holds a set/],
    ['stream', ['XADD', '*', 'a', 'b'], /WRONGTYPE .*holds a stream/],
    ['hash', ['HSET', 'a', 'b'], /WRONGTYPE .*holds a hash.*Redisson/],
    ['sorted set', ['ZADD', '1', 'x'], /WRONGTYPE .*holds a zset.*redis-semaphore/],
  ])(
    'Three answers: a %s under the key is refused, and its type named',
    async (_, [command = '', ...words], said) => {
      const { here, there, admin } = site;
      await admin.call(command, 'lock:order:42', ...words);

      expect(await refusal(here.take('order:42'))).toMatch(said);
      expect(await refusal(here.tryTake('order:42'))).toMatch(said);
      expect(await refusal(here.store.inspect('order:42'))).toMatch(said);
      expect(await refusal(here.store.forceRelease('order:42'))).toMatch(said);
      expect((await there.store.list()).locks).toEqual([]);
      expect(await admin.exists('lock:order:42')).toBe(1);
    },
  );

  it('Three answers: one key that is refused takes none of its group with it', async () => {
    const { here, admin } = site;
    await admin.rpush('lock:order:7', 'x');

    const asked = Array.from({ length: 20 }, (_, i) => here.take(`order:${i}`));
    const said = await Promise.allSettled(asked);

    expect(said.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(await refusal(asked[7]!)).toMatch(/WRONGTYPE/);
  });

  it('No silent loss: a waiter and a holder whose key is overwritten hear of it', async () => {
    const { here, there, admin } = site;
    const holder = await here.take('order:42', LEASE);
    const waiter = await there.waitAsNumber(1, 'order:42', 1_500);
    await admin.del('lock:order:42');
    await admin.rpush('lock:order:42', 'x');

    await expect(waiter.granted).rejects.toThrow('WRONGTYPE');
    const held = (answer: unknown): unknown => (answer instanceof Error ? null : answer);
    expect(await here.extend(holder, LEASE).catch(held)).toBeNull();
    expect(await here.release(holder).catch(held)).not.toBe(true);
    expect(await admin.lrange('lock:order:42', 0, -1)).toEqual(['x']);
  });

  it('Three answers: NOPERM for the key, the script commands and the user', async () => {
    const { admin } = site;
    const may = async (rules: string) => {
      await admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>pw', ...rules.split(' '));
      const client = connect(site.server.port, { username: 'app', password: 'pw' });
      return site.another({ client });
    };

    const elsewhere = await may('+@all ~other:* &*');
    expect(await refusal(elsewhere.take('order:42'))).toMatch(/^NOPERM|ACL failure/);
    const noScripts = await may('+@all -@scripting ~* &*');
    expect(await refusal(noScripts.take('order:42'))).toMatch(/^NOPERM.*evalsha/);
    expect(await refusal(noScripts.tryTake('order:42'))).toMatch(/^NOPERM.*evalsha/);
  });

  it.each([
    ['NOAUTH', undefined],
    ['WRONGPASS', 'mistyped'],
  ])('Three answers: %s, until the server lets us in', async (code, password) => {
    const { admin, server } = site;
    await admin.config('SET', 'requirepass', 'secret');
    const client = connect(server.port, password === undefined ? {} : { password });
    const callers = site.another({ client });

    expect(await refusal(callers.take('order:42'))).toMatch(new RegExp(`^${code}`));
    expect(await refusal(callers.tryTake('order:42'))).toMatch(new RegExp(`^${code}`));
    await admin.config('SET', 'requirepass', '');
    await until('let in', () => client.status === 'ready');
    await callers.release(await callers.take('order:42'));
  });

  it('No leftover: a lock given back while a new password is not known is given back later', async () => {
    const { admin, here, there, valve, clients } = site;
    const holder = await here.take('order:42', LEASE);
    await admin.config('SET', 'requirepass', 'secret');
    valve.cut();
    await until('not let in', () => clients[0].status !== 'ready');
    await here.release(holder).catch(() => undefined);
    await admin.config('SET', 'requirepass', '');

    await there.release(await there.take('order:42'));
  });

  it('Three answers: OOM, and a lock that is held can be given back all the same', async () => {
    const { admin, here } = site;
    const holder = await here.take('held', LEASE);
    await admin.config('SET', 'maxmemory', '1');

    expect(await refusal(here.take('order:42'))).toMatch(/OOM/);
    // What it left behind is cleared away: in one call with that the server would let a lock through.
    await here.store.inspect('order:42');
    expect(await refusal(here.tryTake('order:42'))).toMatch(/OOM/);
    await admin.config('SET', 'maxmemory', '0');
    expect(await here.release(holder)).toBe(true);
  });

  it('Three answers: READONLY of a replica', async () => {
    const replica = await startReplica(site.server);
    try {
      const there = site.another({ client: connect(replica.port) });

      expect(await refusal(there.take('order:42'))).toMatch(/READONLY/);
      const asked = Array.from({ length: 20 }, (_, i) => there.tryTake(`order:${i}`));
      for (const one of asked) expect(await refusal(one)).toMatch(/READONLY/);
    } finally {
      await replica.stop();
    }
  });
});
