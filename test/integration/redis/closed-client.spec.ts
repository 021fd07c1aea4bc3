import type { Redis } from 'ioredis';

import { StoreUnavailableError } from '../../../lib/stores/lock-store.js';
import { granted } from '../../support/callers.js';
import { until } from '../../support/until.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';

describe('a client that its user closed', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  const ways: [string, (client: Redis) => unknown][] = [
    ['disconnect', (client) => client.disconnect()],
    ['quit', (client) => client.quit()],
  ];

  it.each(ways)(
    'Three answers: by %s, refuses at once with the reason, whatever is asked, and serves once it is connected again',
    async (_, close) => {
      const { here, there, clients } = site;
      const [client] = clients;
      const held = await here.take('held');
      const holder = await there.take(KEY);
      const waiter = await here.waitAsNumber(1, KEY);
      close(client);
      await until('closed', () => client.status === 'end');

      const began = performance.now();
      const answers = await Promise.allSettled([
        waiter.granted,
        here.take('other'),
        here.tryTake('other'),
        here.extend(held, 30_000),
        here.release(held),
        here.store.inspect(KEY),
        here.store.list(),
        here.store.forceRelease(KEY),
      ]);
      expect(performance.now() - began).toBeLessThan(200);
      for (const answer of answers) {
        expect(answer.status).toBe('rejected');
        const reason = (answer as PromiseRejectedResult).reason as Error;
        expect(reason).toBeInstanceOf(StoreUnavailableError);
        expect(reason.cause).toBeInstanceOf(Error);
      }

      await client.connect();
      await here.release(await here.take('other'));
      // Its place was given up with it; it can wait, and hear of its grant, again.
      const again = await here.waitAsNumber(1, KEY);
      expect(await there.release(holder)).toBe(true);
      expect(await here.release(await granted(again))).toBe(true);
      // What could not be given back is given back after all.
      await there.release(await there.take('held'));
      await until('no key', async () => (await site.keys()).length === 0);
    },
  );

  it('Three answers: closed before the store was made, it refuses too, and serves once connected', async () => {
    const client = site.clients[1].duplicate();
    await client.ping();
    client.disconnect();
    await until('closed', () => client.status === 'end');
    const late = site.another({ client });

    await expect(late.take(KEY)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(late.tryTake(KEY)).rejects.toBeInstanceOf(StoreUnavailableError);
    await client.connect();
    expect(await late.release(await late.take(KEY))).toBe(true);
  });
});
