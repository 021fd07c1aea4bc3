import { granted } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { connect, openSite, type Site } from './site.js';

describe('a Redis that gives no answer', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

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
});

/** The collector, which is not there unless asked for. */
function gc(): void {
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--expose-gc');
  (process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void)();
}
