import { startChild, type Child } from '../../support/child.js';
import { untilHeard } from '../../support/redis-probe.js';
import { until, watch } from '../../support/until.js';
import type { Blocked, BlockedConfig } from './children/blocked.child.js';
import { openStand, type Stand } from './stand.js';

/** Longer than a lock that was handed off by a message begins with, in ms. */
const BLOCK = 5_000;

type Report = Blocked & { readonly othersInAt: number; readonly end: unknown };

/** All of them block at the same time, each with a key of its own. */
describe('a process that blocks as soon as it has the lock', () => {
  let stand: Stand;
  const reports = new Map<string, Promise<Report>>();
  beforeAll(async () => {
    stand = await openStand();
    for (const grant of ['a message', 'the free key']) {
      for (const others of ['try', 'wait']) {
        const report = block(`${grant}, ${others}`, grant === 'a message', others === 'wait');
        // Its test looks at what became of it.
        report.catch(() => undefined);
        reports.set(`${grant}, ${others}`, report);
      }
    }
  });
  afterAll(() => stand.close());

  async function block(key: string, byMessage: boolean, queue: boolean): Promise<Report> {
    const { locks, server } = stand;
    const holder = byMessage ? await locks.acquire(key) : undefined;
    const config: BlockedConfig = { url: server.url, key, block: BLOCK };
    const child = startChild('integration/holding/children/blocked.child.ts', config);
    await child.next();
    if (holder) {
      await until('it waits', async () => (await locks.inspect(key)).waiting === 1);
      await untilHeard(server.url, `lock:${key}`);
      await holder.release();
    }
    await until('it holds', async () => {
      const [there] = (await locks.inspect(key)).holders;
      return there?.holder?.endsWith(`:${String(child.pid)}`) === true;
    });
    const report = child.next<Blocked>();
    const othersInAt = queue ? await waitFor(key) : await tryFor(key, watch(report));
    return { ...(await report), othersInAt, end: await endOf(child) };
  }

  async function waitFor(key: string): Promise<number> {
    const lock = await stand.locks.acquire(key, { waitTime: 60_000 });
    const at = Date.now();
    await lock.release();
    return at;
  }

  async function tryFor(key: string, report: { readonly settled: boolean }): Promise<number> {
    while (!report.settled) {
      const lock = await stand.locks.tryAcquire(key);
      if (!lock) continue;
      const at = Date.now();
      await lock.release();
      return at;
    }
    return Infinity;
  }

  async function endOf(child: Child): Promise<unknown> {
    const { code, stderr } = await child.ended;
    return { code, stderr };
  }

  it.each([
    ['a message', 'try'],
    ['a message', 'wait'],
    ['the free key', 'try'],
    ['the free key', 'wait'],
  ])(
    'Exclusion: nobody else is in for as long as its lease, when it has it by %s, and others %s',
    async (grant, others) => {
      const { wentOnAt, isHeld, released, ...report } = await reports.get(`${grant}, ${others}`)!;
      expect(report.othersInAt).toBeGreaterThanOrEqual(wentOnAt);
      // Told by a message, it may not have read yet that its lease was made longer, and may not believe
      // more than it has read.
      if (grant === 'the free key') expect(isHeld).toBe(true);
      expect(released).toBe(isHeld);
      expect(report.end).toEqual({ code: 0, stderr: '' });
    },
  );
});
