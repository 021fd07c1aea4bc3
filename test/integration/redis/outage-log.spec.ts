import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers } from '../../support/callers.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import { NotedLog } from './site.js';

describe('what operators are told of a Redis that is killed and comes back, under load', () => {
  let server: RedisServer;
  let log: NotedLog;
  let callers: Callers;
  const done = { is: false };
  let load: Promise<void>[];
  beforeEach(async () => {
    server = await startRedis();
    log = new NotedLog();
    callers = new Callers(await RedisStore.open({ connection: server.url, log }));
    done.is = false;
    let holds = 0;
    load = Array.from({ length: 50 }, async (_, i) => {
      while (!done.is) {
        const grant = await callers.tryTake(`stock:${i}`).catch(() => null);
        if (grant) await callers.release(grant).catch(() => undefined);
        holds += 1;
        await sleep(2);
      }
    });
    await until('under load', () => holds > 500);
  });
  afterEach(async () => {
    done.is = true;
    await callers.store.close();
    await Promise.all(load);
    await server.stop();
  });

  it.each([1, 2])(
    'Three answers: %d outage(s) are told once each, and as many returns, and nothing in the 6 s after',
    async (outages) => {
      for (let outage = 1; outage <= outages; outage += 1) {
        await server.kill();
        await until('told', () => log.lines.length === 2 * outage - 1);
        await sleep(700);
        await server.restart();
        await until('back', () => log.lines.length === 2 * outage, 10_000);
      }
      await sleep(6_000);

      const told = Array.from({ length: outages }, (): unknown[] => [
        expect.stringMatching(/^error Redis is away, no locks until it is back: \S/),
        'log Redis is back',
      ]);
      expect(log.lines).toEqual(told.flat());
      expect(await callers.release(await callers.take('after'))).toBe(true);
    },
  );
});
