import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { startCluster, type RedisCluster } from '../../support/redis-cluster.js';
import { commandCounts, resetCommands } from '../../support/redis-probe.js';
import { connect } from './site.js';

const BRACES = '{}'.repeat(100);
const KEYS = ['a', '{a}', '{b}', 'a}{b', '{', '}', BRACES];

describe('braces, before a server that goes by what is between them', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster(1);
  });
  afterAll(() => cluster.stop());

  const openAll = (clientPrefix: string, keyPrefix: string): [Callers, Callers] => {
    const one = (): Callers => {
      const client = connect(cluster.nodes[0]!.port, { keyPrefix: clientPrefix });
      return new Callers(new RedisStore({ client, keyPrefix, ownsClient: true }));
    };
    return [one(), one()];
  };

  it.each([
    ['', '{app}'],
    ['{app}:', 'lock'],
    ['{app', '}{lock}'],
    ['{}', '{lock'],
  ])(
    'Identity: with the prefix %j of the client and %j of the store a lock is one key, its own',
    async (clientPrefix, keyPrefix) => {
      const admin = connect(cluster.nodes[0]!.port);
      const [here, there] = openAll(clientPrefix, keyPrefix);
      try {
        const held = await Promise.all(KEYS.map((key) => here.take(key)));
        const queue = await Promise.all(KEYS.map((key) => there.waitAsNumber(1, key)));

        const names = KEYS.map((key) => `${clientPrefix}${keyPrefix}:${key}`);
        expect((await admin.keys('*')).sort()).toEqual(names.sort());
        const { locks } = await there.store.list({ limit: 10_000 });
        expect(locks.map(({ key, waiting }) => [key, waiting]).sort()).toEqual(
          KEYS.map((key) => [key, 1]).sort(),
        );
        for (const grant of held) {
          expect(await here.holder(grant.key)).toMatchObject({ holder: grant.holder });
          expect(await here.release(grant)).toBe(true);
        }
        for (const asked of queue) expect(await there.release(await granted(asked))).toBe(true);
        expect(await admin.dbsize()).toBe(0);
      } finally {
        await Promise.all([here.store.close(), there.store.close()]);
        admin.disconnect();
      }
    },
  );

  it('a key of 200 braces costs the server what any other costs', async () => {
    const { url } = cluster.nodes[0]!;
    const [here, there] = openAll('', 'lock');
    const costs = async (key: string): Promise<Record<string, number | undefined>> => {
      await resetCommands(url);
      for (let turn = 0; turn < 100; turn += 1) await here.release(await here.take(key));
      const counts = await commandCounts(url);
      return Object.fromEntries(['evalsha', 'set', 'del'].map((name) => [name, counts.get(name)]));
    };
    await costs('warm');

    const usual = await costs('x'.repeat(BRACES.length));
    expect(await costs(BRACES)).toEqual(usual);
    expect(usual).toMatchObject({ evalsha: 200, set: 100, del: 100 });
    await Promise.all([here.store.close(), there.store.close()]);
  });
});
