import { StoreUnavailableError } from '../../../lib/stores/lock-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { connect, openSite, type Site } from './site.js';

describe('a Redis that gives no answer', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  it('Three answers: a client that was closed for good refuses at once, also those who wait', async () => {
    const { here, there, clients, admin } = site;
    const holder = await there.take('order:42');
    const waiter = await here.waitAsNumber(1, 'order:42');
    clients[0].disconnect();

    const began = performance.now();
    const unavailable = expect.objectContaining({
      name: 'StoreUnavailableError',
      cause: expect.any(Error) as Error,
    }) as Error;
    await expect(waiter.granted).rejects.toEqual(unavailable);
    await expect(here.take('other')).rejects.toEqual(unavailable);
    await expect(here.tryTake('other')).rejects.toEqual(unavailable);
    await expect(here.store.inspect('other')).rejects.toEqual(unavailable);
    expect(performance.now() - began).toBeLessThan(200);
    await admin.ping();
    await there.release(holder);
  });

  it('Three answers: a waiter is told of the silence, since when and why', async () => {
    const { here, server } = site;
    await server.kill();
    await until('noticed', () => site.clients[0].status !== 'ready');
    const asked = here.wait('order:42');
    await until('the reason', () => asked.silence?.cause !== undefined);

    expect(asked.progress.state).toBe('unanswered');
    expect(asked.silence!.since).toBeLessThanOrEqual(performance.now());
    await server.restart();
    await here.release(await granted(asked));
    expect(asked.silence).toBeUndefined();
  });

  it('Three answers: our own pause is no silence of Redis', async () => {
    const { here } = site;
    const holder = await here.take('order:42');
    const renewal = here.extend(holder, 60_000);
    const asked = here.tryTake('other');
    // The requests are on the wire, and their answers wait to be read.
    await new Promise((resolve) => process.nextTick(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500);

    expect(await renewal).not.toBeNull();
    expect(await asked).not.toBeNull();
  });

  it.each([
    ['the defaults of ioredis', {}],
    ['a client that queues for ever', { maxRetriesPerRequest: null, enableOfflineQueue: true }],
  ])(
    'No leftover: an outage with callers who give up leaves the heap as it was, with %s',
    async (_, options) => {
      const client = connect(site.server.port, options);
      const callers = site.another({ client, answerTimeout: 200 });
      const { store } = callers;
      await callers.release(await callers.take('order:42'));
      await site.server.kill();
      await until('noticed', () => client.status !== 'ready');

      const wave = async (many: number): Promise<void> => {
        for (let i = 0; i < many; i += 100) {
          const asked = Array.from({ length: 100 }, (_each, n) => callers.wait(`key:${i + n}`));
          const tried = Array.from({ length: 100 }, (_each, n) => callers.tryOnce(`key:${i + n}`));
          await sleep(1);
          for (const attempt of [...asked, ...tried]) attempt.leave();
        }
        await sleep(500);
      };
      const heap = (): number => {
        gc();
        return process.memoryUsage().heapUsed;
      };
      await wave(2_000);
      const before = heap();
      await wave(20_000);
      const kept = (heap() - before) / 40_000;

      // An attempt that was kept would be a kilobyte.
      expect(kept).toBeLessThan(50);
      await site.server.restart();
      await callers.release(await granted(callers.wait('order:42')));
      await store.inspect('order:42');
      expect(await site.keys()).toEqual([]);
    },
  );

  it('Three answers: killed and back under load is one outage, not a second one 3 s later', async () => {
    const { server } = site;
    const connection = { host: '127.0.0.1', port: server.port, retryStrategy: () => 20 };
    const callers = new Callers(await RedisStore.open({ connection, answerTimeout: 500 }));
    await callers.release(await callers.take('order:42'));
    let recoveries = 0;
    callers.store.onRecovery(() => (recoveries += 1));
    const failures: { at: number; error: unknown }[] = [];
    const done = new AbortController();
    const load = Array.from({ length: 20 }, async (_, i) => {
      while (!done.signal.aborted) {
        const asked = callers.tryOnce(`order:${i}`);
        const grant = await asked.granted.catch((error: unknown) => {
          failures.push({ at: performance.now(), error });
          return null;
        });
        if (grant) await callers.release(grant).catch(() => undefined);
        await sleep(5);
      }
    });
    await sleep(300);
    await server.restart();
    const back = performance.now();
    await until('back', () => recoveries > 0);
    await sleep(5_000);
    done.abort();
    await Promise.all(load);
    await callers.store.close();

    expect(failures.filter(({ at }) => at > back + 1_500)).toEqual([]);
    for (const { error } of failures) expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(recoveries).toBe(1);
  });
});

/** The collector, which is not there unless asked for. */
function gc(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--expose-gc');
  (process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void)();
}
