import { Redis } from 'ioredis';
import { LockService, RedisStore, TransactionScope } from '../../../lib/index.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { CALLERS } from './stock.js';

/** How long a commit takes, in ms. */
const COMMIT = 2;

describe('transactions of two processes on Redis', () => {
  let server: RedisServer;
  let admin: Redis;
  const scope = new TransactionScope();
  let services: LockService[];
  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
    const open = async () =>
      new LockService({
        store: await RedisStore.open({ connection: server.url }),
        transactions: [scope.port],
        waitTime: 20_000,
      });
    services = await Promise.all([open(), open()]);
  });
  afterAll(async () => {
    await Promise.all(services.map((locks) => locks.close()));
    admin.disconnect();
    await server.stop();
  });

  /** Read, and written at the commit. */
  const committed = new Map<string, number>();

  /** A transaction that adds to a register several times, one after the other and at once. */
  async function add(locks: LockService, key: string, keys: readonly string[]): Promise<void> {
    await scope.run(async () => {
      const written = new Map<string, number>();
      const addOne = async (): Promise<void> => {
        const before = written.get(key) ?? committed.get(key) ?? 0;
        await new Promise(setImmediate);
        written.set(key, before + 1);
      };
      await Promise.all([
        locks.using(key, addOne),
        locks.using([...keys, key], addOne),
        locks.using(key, { until: 'method' }, addOne),
      ]);
      await using lock = await locks.acquire(key);
      await lock.run(addOne);
      await new Promise((resolve) => setTimeout(resolve, COMMIT));
      for (const [one, amount] of written) committed.set(one, amount);
    });
  }

  it('Exclusion: lose no update, and leave nothing in Redis', async () => {
    const callers = Array.from({ length: CALLERS }, (_, i) => i);
    await Promise.all(
      services.flatMap((locks, who) =>
        callers.map((i) => add(locks, `hot:${i % 2}`, [`cold:${who}:${i}`])),
      ),
    );
    expect([...committed.values()].reduce((sum, one) => sum + one)).toBe(2 * CALLERS * 4);
    expect(await admin.keys('*')).toEqual([]);
  });
});
