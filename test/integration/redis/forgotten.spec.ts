import { granted } from '../../support/callers.js';
import { untilHeard } from '../../support/redis-probe.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';

describe('a lock that Redis has forgotten', () => {
  let site: Site;
  beforeEach(async () => void (site = await openSite()));
  afterEach(() => site.close());

  it('No silent loss: its release says so, also when it lets a waiter of its own process in', async () => {
    const { admin, here, there, server } = site;
    const forgotten = await here.take(KEY);
    await admin.flushall();
    const other = await there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY);
    await untilHeard(server.url, `lock:${KEY}`);
    // Whoever had it since has gone, and nobody has looked.
    await admin.zrem(`lock:${KEY}`, `${other.owner} ${other.token}`);

    expect(await here.release(forgotten)).toBe(false);
    expect(await here.release(await granted(waiter))).toBe(true);
  });
});
