import { FakeClock, findFaketime } from '../../faults/faketime.js';
import { ClockedServer } from '../../faults/arena/server.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { startRedis } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import { Valve } from '../../support/valve.js';
import { connect } from './site.js';

const found = findFaketime();
/** Where the server's clock cannot be stepped the tests say so in their titles. */
const titled = (title: string): string =>
  'library' in found ? title : `${title} (${found.missing})`;
const withClock = 'library' in found ? it : it.skip;

describe('the clock of the server', () => {
  let clock: FakeClock;
  let server: ClockedServer;
  beforeEach(async () => {
    if (!('library' in found)) return;
    clock = new FakeClock(found.library);
    const started = await ClockedServer.start(clock);
    if (!started) throw new Error('redis-server does not run under libfaketime');
    server = started;
  });
  afterEach(async () => {
    if (!('library' in found)) return;
    await server.stop();
    clock.dispose();
  });

  const TEN_MINUTES = 600_000;

  withClock(
    titled(
      'Tokens: stepped back by ten minutes, a released key is free within a second, and tokens grow',
    ),
    async () => {
      const clients = [connect(server.port), connect(server.port)];
      const [here, there] = clients.map((client) => new Callers(new RedisStore({ client })));
      const first = await here!.take('order:42');
      clock.step(-TEN_MINUTES);
      await here!.release(first);
      const released = performance.now();
      const second = await here!.take('order:42');
      expect(performance.now() - released).toBeLessThan(100);
      expect(second.token).toBeGreaterThan(first.token);
      await here!.release(second);
      await sleep(20);

      const third = await there!.take('order:42');
      expect(performance.now() - released).toBeLessThan(1_200);
      await there!.release(third);
      await until('nothing left', async () => (await clients[0]!.dbsize()) === 0, 2_000);
      for (const callers of [here!, there!]) await callers.store.close();
      for (const client of clients) client.disconnect();
    },
  );

  withClock(
    titled('Exclusion: stepped back by ten minutes, nobody waits for the clock, and tokens grow'),
    async () => {
      const clients = [connect(server.port), connect(server.port)];
      const [here, there] = clients.map((client) => new Callers(new RedisStore({ client })));
      const holder = await here!.take('order:42');
      const waiting = await there!.waitAsNumber(1, 'order:42');
      clock.step(-TEN_MINUTES);
      const late = await here!.waitAsNumber(2, 'order:42');
      const tokens = [holder.token];
      const visits = [
        { asked: waiting, callers: there! },
        { asked: late, callers: here! },
      ].map(async ({ asked, callers }) => {
        const grant = await granted(asked);
        tokens.push(grant.token);
        return callers.release(grant);
      });
      const released = performance.now();
      await here!.release(holder);

      expect(await Promise.all(visits)).toEqual([true, true]);
      expect(performance.now() - released).toBeLessThan(1_000);
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
      expect(new Set(tokens).size).toBe(3);
      for (const callers of [here!, there!]) await callers.store.close();
      for (const client of clients) client.disconnect();
    },
  );

  withClock(
    titled(
      'Tokens: grow on a new master whose clock is 3 s behind, for who had contact with the old one',
    ),
    async () => {
      clock.step(-3_000);
      const old = await startRedis();
      let { port } = old;
      const valve = await Valve.start(() => port);
      const client = connect(valve.port);
      const callers = new Callers(new RedisStore({ client }));
      try {
        const tokens: number[] = [];
        for (let i = 0; i < 5; i += 1) {
          const grant = await callers.take(`order:${i}`);
          tokens.push(grant.token);
          await callers.release(grant);
        }
        await sleep(300);
        // Another process took it last, just before the switch: what it had is not known here.
        const other = connect(old.port);
        const others = new Callers(new RedisStore({ client: other }));
        const before = await others.take('order:42');
        await others.store.close();
        other.disconnect();
        port = server.port;
        valve.cut();

        await sleep(50);
        const after = await callers.take('order:42');
        expect(after.token).toBeGreaterThan(before.token);
        expect(after.token).toBeGreaterThan(Math.max(...tokens));
        await callers.release(after);
      } finally {
        await callers.store.close();
        client.disconnect();
        valve.close();
        await old.stop();
      }
    },
  );
});
