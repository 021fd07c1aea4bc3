import { Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { allKeys, commandCounts, resetCommands, untilHeard } from '../../support/redis-probe.js';
import { sleep, until } from '../../support/until.js';

const WAITERS = 100;

/** What waiting costs the server: counted by itself. */
describe('commands that waiting costs', () => {
  let server: RedisServer;
  let clients: Redis[];
  let callers: Callers[];

  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(() => {
    clients = Array.from({ length: 4 }, () => new Redis(server.url));
    callers = clients.map(
      (client) => new Callers(new RedisStore({ client, keyPrefix: 'lock', ownsClient: false })),
    );
  });
  afterEach(async () => {
    await Promise.all(callers.map(({ store }) => store.close()));
    for (const client of clients) client.disconnect();
    expect(await allKeys(server.url)).toEqual([]);
  });
  afterAll(() => server.stop());

  const caller = (index: number): Callers => callers[index % callers.length]!;
  /** The scripts are known and the inboxes open: what comes once is not what each costs. */
  const warmUp = async (): Promise<void> => {
    const holder = await caller(0).take('warm');
    const queue = callers.map((each) => each.wait('warm'));
    await caller(0).untilWaiting('warm', callers.length);
    await untilHeard(server.url, 'lock:warm');
    await caller(0).release(holder);
    for (const [index, attempt] of queue.entries()) {
      await caller(index).release(await granted(attempt));
    }
  };
  const scriptCalls = async (): Promise<number> => {
    const counts = await commandCounts(server.url);
    return (counts.get('evalsha') ?? 0) + (counts.get('eval') ?? 0);
  };

  it('takes at most 2 script calls an acquisition, with 100 waiters on one key', async () => {
    await warmUp();
    await resetCommands(server.url);

    await Promise.all(
      Array.from({ length: WAITERS }, async (_, index) => {
        const grant = await caller(index).take('order:42');
        await new Promise((resolve) => setImmediate(resolve));
        await caller(index).release(grant);
      }),
    );

    expect(await scriptCalls()).toBeLessThanOrEqual(2 * WAITERS);
  });

  it('takes at most 2 as well when each waits alone in its queue', async () => {
    const rounds = 50;
    const [first, second] = [caller(0), caller(1)];
    await warmUp();
    let holder = await first.take('order:42');
    await resetCommands(server.url);
    for (let round = 0; round < rounds; round += 1) {
      const [from, to] = round % 2 === 0 ? [first, second] : [second, first];
      const heir = to.wait('order:42');
      await until('its place', () => heir.progress.state === 'queued');
      await from.release(holder);
      holder = await granted(heir);
    }
    const calls = await scriptCalls();
    await (rounds % 2 === 0 ? first : second).release(holder);

    expect(calls).toBeLessThanOrEqual(2 * rounds);
  });

  it('takes at most 20 commands a second for 100 waiters who go on waiting', async () => {
    const holder = await caller(0).take('order:42', 60_000);
    const queue = Array.from({ length: WAITERS }, (_, index) => caller(index).wait('order:42'));
    await caller(0).untilWaiting('order:42', WAITERS);
    await untilHeard(server.url, 'lock:order:42');
    await resetCommands(server.url);

    const since = performance.now();
    // Two heartbeats of each inbox, and the questions of whoever is the first.
    await sleep(3_500);

    const counts = await commandCounts(server.url);
    let total = 0;
    for (const [name, calls] of counts) if (!OURS.has(name)) total += calls;
    expect(total / (performance.now() - since)).toBeLessThanOrEqual(20 / 1_000);
    for (const attempt of queue) attempt.leave();
    await caller(0).untilWaiting('order:42', 0);
    await caller(0).release(holder);
  });
});

/** What the counting itself sends; and what a script runs is counted within its own call. */
const OURS = new Set(['info', 'config|resetstat']);
