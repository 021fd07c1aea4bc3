import { granted, type Callers } from '../../support/callers.js';
import { untilHeard } from '../../support/redis-probe.js';
import type { RedisServer } from '../../support/redis-server.js';
import { sleep } from '../../support/until.js';
import { openSite, startReplica, type Site } from './site.js';

describe('a planned change of master behind a proxy', () => {
  let site: Site;
  let replica: RedisServer;
  beforeEach(async () => {
    site = await openSite({ answerTimeout: 500 });
    replica = await startReplica(site.server);
  });
  afterEach(async () => {
    await site.close();
    await replica.stop();
  });

  /** Many holds from two processes; each notes when it believed in its lock. */
  const holds = (done: AbortSignal, faults: string[]): Promise<number>[] => {
    let inside = 0;
    let last = 0;
    return Array.from({ length: 6 }, async (_, i) => {
      const callers: Callers = i % 2 === 0 ? site.here : site.there;
      let count = 0;
      while (!done.aborted) {
        const grant = await granted(callers.wait('order:42', 20_000)).catch(() => undefined);
        if (!grant) continue;
        inside += 1;
        if (inside > 1) faults.push(`${inside} inside`);
        if (grant.token <= last) faults.push(`${grant.token} after ${last}`);
        last = grant.token;
        await sleep(2);
        inside -= 1;
        count += 1;
        await callers.release(grant).catch(() => undefined);
      }
      return count;
    });
  };

  it('Exclusion: never lets two in, nor tokens go back', async () => {
    const faults: string[] = [];
    const done = new AbortController();
    const running = holds(done.signal, faults);
    await sleep(500);
    await site.failOver(replica);
    await sleep(3_000);
    done.abort();
    const counts = await Promise.all(running);

    expect(faults).toEqual([]);
    expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(50);
  });

  it('Exclusion: while an inbox stays on the old master and hears by replication', async () => {
    const { here, there, valve, server } = site;
    const holder = await there.take('order:42', 20_000);
    const first = await here.waitAsNumber(1, 'order:42', 20_000);
    const second = await there.waitAsNumber(2, 'order:42', 20_000);
    await untilHeard(server.url, 'lock:order:42');
    const faults: string[] = [];
    let inside = 0;
    const visits = [
      { asked: first, callers: here },
      { asked: second, callers: there },
    ].map(async ({ asked, callers }) => {
      const grant = await granted(asked);
      inside += 1;
      if (inside > 1) faults.push('two inside');
      // As a holder does: what was given for less than was asked for is extended at once.
      if (grant.leaseTime < 20_000 && (await callers.extend(grant, 20_000)) === null) return;
      await sleep(200);
      inside -= 1;
      await callers.release(grant);
    });

    // The inboxes' connections are not cut.
    valve.hold('down', 'inbox');
    await site.failOver(replica, 'commands');
    await there.release(holder).catch(() => undefined);
    await sleep(300);
    valve.open();
    await Promise.all(visits);

    expect(faults).toEqual([]);
  });
});
