import { startChild } from '../../support/child.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';

const CHILD = 'integration/testing/children/overridden.child.ts';

describe('a test process with an application on Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it.each([
    // Not closed at all: nothing was opened.
    { what: 'store', closes: false },
    { what: 'service', closes: false },
  ])('No leftover: ends by itself with %j overridden', async ({ what, closes }) => {
    const child = startChild(CHILD, { url: server.url, what, closes });
    expect(await child.next()).toEqual({ paid: 42 });
    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: '' });
  });
});
