import type { Redis } from 'ioredis';

import type { Callers } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { connect, openSite, type Site } from './site.js';

/** The queues of ioredis, which are not in its types. */
interface Queues {
  readonly offlineQueue: { readonly length: number } | null;
  readonly commandQueue: { readonly length: number };
}

/** How many scripts may be under way at once. */
const CALLS = 4;

describe('a client that queues for ever, while nothing answers', () => {
  let site: Site;
  let client: Redis;
  let callers: Callers;
  beforeEach(async () => {
    site = await openSite();
    client = connect(site.server.port, { maxRetriesPerRequest: null, enableOfflineQueue: true });
    callers = site.another({ client, answerTimeout: 200 });
    await callers.release(await callers.take('warm'));
  });
  afterEach(() => site.close());

  const kept = (): { offline: number; sent: number } => {
    const { offlineQueue, commandQueue } = client as unknown as Queues;
    return { offline: offlineQueue?.length ?? 0, sent: commandQueue.length };
  };

  const outages: [string, () => Promise<void>, () => Promise<void>][] = [
    [
      'gone',
      async () => {
        await site.server.kill();
        await until('noticed', () => client.status !== 'ready');
      },
      () => site.server.restart(),
    ],
    ['frozen', async () => site.server.pause(), async () => site.server.resume()],
  ];

  it.each(outages)(
    'No leftover: with Redis %s and thousands who give up, its queues stay as they are, and all is well afterwards',
    async (_, begin, end) => {
      await begin();
      for (let wave = 0; wave < 20; wave += 1) {
        const asked = Array.from({ length: 250 }, (_each, i) => [
          callers.wait(`key:${wave}.${i}`),
          callers.tryOnce(`key:${wave}.${i}`),
        ]).flat();
        await sleep(5);
        for (const attempt of asked) attempt.leave();
      }

      expect(kept().offline).toBe(0);
      expect(kept().sent).toBeLessThanOrEqual(CALLS + 1);
      await end();
      expect(await callers.release(await callers.take('after'))).toBe(true);
      await until('no key', async () => (await site.keys()).length === 0);
      expect(kept()).toEqual({ offline: 0, sent: 0 });
    },
  );
});
