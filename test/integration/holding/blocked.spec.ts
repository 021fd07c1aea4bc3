import { startChild } from '../../support/child.js';
import { until, watch } from '../../support/until.js';
import type { Blocked, BlockedConfig } from './children/blocked.child.js';
import { openStand, type Stand } from './stand.js';

const KEY = 'order:1';

describe('a process that blocks as soon as it has the lock', () => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await openStand();
  });
  afterEach(() => stand.close());

  it.each([
    ['heard of its grant by a message', true],
    ['found the key free', false],
  ])('Exclusion: nobody else is in for as long as its lease, when it %s', async (_, waits) => {
    const { locks, server } = stand;
    const holder = waits ? await locks.acquire(KEY) : undefined;
    // Longer than a lock that was handed off by a message begins with.
    const config: BlockedConfig = { url: server.url, key: KEY, block: 5_000 };
    const child = startChild('integration/holding/children/blocked.child.ts', config);
    await child.next();
    if (holder) {
      await until('it waits', async () => (await locks.inspect(KEY)).waiting === 1, 20_000);
      await holder.release();
    }
    await until('it holds', async () => {
      const [there] = (await locks.inspect(KEY)).holders;
      return there?.holder?.endsWith(`:${String(child.pid)}`) === true;
    });
    const report = child.next<Blocked>();
    const seen = watch(report);
    let othersInAt = Infinity;
    while (!seen.settled && othersInAt === Infinity) {
      const lock = await locks.tryAcquire(KEY);
      if (!lock) continue;
      othersInAt = Date.now();
      await lock.release();
    }
    const { wentOnAt, isHeld, released } = await report;
    expect(othersInAt).toBeGreaterThanOrEqual(wentOnAt);
    // Told by a message, it may not have read yet that its lease was made longer, and may not believe
    // more than it has read.
    if (!waits) expect(isHeld).toBe(true);
    expect(released).toBe(isHeld);
    expect(await child.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
