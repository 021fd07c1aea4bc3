import type { Redis } from 'ioredis';

import { StoreUnavailableError } from '../../../lib/stores/lock-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { startCluster } from '../../support/redis-cluster.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until, watch } from '../../support/until.js';
import { connect } from './site.js';

const KEY = 'order:42';
const WRITE = "return redis.call('SET', KEYS[1], '1', 'PX', 1)";

/** A state in which a server answers, and cannot serve. */
interface Trouble {
  start(): Promise<RedisServer>;
  begin(admin: Redis): Promise<unknown>;
  end(admin: Redis): Promise<unknown>;
}

const TROUBLES: Record<string, Trouble> = {
  CLUSTERDOWN: {
    start: async () => (await startCluster(1)).nodes[0]!,
    begin: (admin) => admin.call('CLUSTER', 'DELSLOTS', '1'),
    end: (admin) => admin.call('CLUSTER', 'ADDSLOTS', '1'),
  },
  LOADING: {
    start: () =>
      startRedis({
        args: [
          ...['--enable-debug-command', 'yes'],
          ...['--loading-process-events-interval-bytes', '1024'],
        ],
      }),
    begin: async (admin) => {
      await admin.call('DEBUG', 'POPULATE', '2000', 'filler', '100');
      await admin.save();
      await admin.config('SET', 'key-load-delay', '10000');
      const loader = admin.duplicate();
      void loader
        .call('DEBUG', 'RELOAD', 'NOSAVE')
        .catch(() => undefined)
        .finally(() => loader.disconnect());
    },
    end: (admin) => admin.config('SET', 'key-load-delay', '0'),
  },
  BUSY: {
    start: () => startRedis({ args: ['--busy-reply-threshold', '20'] }),
    begin: (admin) => {
      const busy = admin.duplicate();
      void busy
        .eval('while true do end', 0)
        .catch(() => undefined)
        .finally(() => busy.disconnect());
      return Promise.resolve();
    },
    end: (admin) => admin.script('KILL'),
  },
  NOREPLICAS: {
    start: () => startRedis(),
    begin: (admin) => admin.config('SET', 'min-replicas-to-write', '1'),
    end: (admin) => admin.config('SET', 'min-replicas-to-write', '0'),
  },
  MASTERDOWN: {
    start: () => startRedis({ args: ['--replica-serve-stale-data', 'no'] }),
    begin: (admin) => admin.replicaof('127.0.0.1', 1),
    end: (admin) => admin.replicaof('NO', 'ONE'),
  },
};

describe.each(Object.entries(TROUBLES))('a server that says %s', (code, trouble) => {
  let server: RedisServer;
  let admin: Redis;
  let client: Redis;
  let callers: Callers;
  beforeEach(async () => {
    server = await trouble.start();
    admin = connect(server.port, { enableReadyCheck: false });
    client = connect(server.port);
    callers = new Callers(new RedisStore({ client, ownsClient: true }));
    await Promise.all([admin.ping(), client.ping()]);
  });
  afterEach(async () => {
    await callers.store.close();
    admin.disconnect();
    await server.stop();
  });

  /** Until others are answered so, too. */
  const isOn = async (): Promise<void> => {
    await until(code, async () => {
      const said = await admin.eval(WRITE, 1, 'lock:probe').catch(String);
      return String(said).includes(code);
    });
  };

  it('Three answers: is out of reach for who tries once, and waited for by who waits', async () => {
    const held = await callers.take('held');
    await trouble.begin(admin);
    await isOn();

    const began = performance.now();
    const error: unknown = await callers.tryTake(KEY).catch((reason: unknown) => reason);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect((error as Error).cause).toMatchObject({
      message: expect.stringContaining(code) as string,
    });
    const waiter = callers.wait(KEY);
    const seen = watch(waiter.granted);
    await until('known to be silent', () => waiter.silence !== undefined);
    expect(waiter.silence?.cause?.message).toContain(code);
    await expect(callers.release(held)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(seen.settled).toBe(false);

    await trouble.end(admin);
    const grant = await granted(waiter);
    expect(waiter.silence).toBeUndefined();
    expect(await callers.release(grant)).toBe(true);
    // What was given back meanwhile is given back by itself.
    await callers.release(await callers.take('held'));
  });
});
