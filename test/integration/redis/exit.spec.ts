import { startChild } from '../../support/child.js';
import { allKeys } from '../../support/redis-probe.js';
import { startRedis } from '../../support/redis-server.js';

const CHILD = 'integration/redis/children/leaving.child.ts';

describe('a process that has closed its store', () => {
  it('No leftover: ends by itself, and leaves nothing on Redis', async () => {
    const server = await startRedis();
    try {
      const child = startChild(CHILD, { url: server.url });
      await child.next();

      expect(await child.ended).toEqual({ code: 0, signal: null, stderr: '' });
      expect(await allKeys(server.url)).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  it('No leftover: ends by itself with the memory store', async () => {
    const child = startChild(CHILD, {});
    await child.next();

    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
