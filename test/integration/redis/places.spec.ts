import { granted, type Asked, type Callers } from '../../support/callers.js';
import { untilHeard } from '../../support/redis-probe.js';
import { until, watch } from '../../support/until.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';

describe('a waiter whose inbox is cut off', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  /** Four waiters of as many processes; the first hears through the valve. */
  async function queue(): Promise<[waiters: Asked[], processes: Callers[]]> {
    const { here, there, server } = site;
    const processes = [here, there, site.another(), site.another()];
    const waiters: Asked[] = [];
    for (const callers of processes) {
      waiters.push(await callers.waitAsNumber(waiters.length + 1, KEY));
    }
    await untilHeard(server.url, `lock:${KEY}`);
    return [waiters, processes];
  }

  /** Who was granted, in order, when each gives the lock back at once. */
  function served(
    waiters: readonly Asked[],
    processes: readonly Callers[],
    inside: (i: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<number[]> {
    const order: number[] = [];
    const all = waiters.map(async (waiter, i) => {
      const grant = await granted(waiter);
      order.push(i);
      await inside(i);
      await processes[i]!.release(grant);
    });
    return Promise.all(all).then(() => order);
  }

  it('Order: passed over while nobody listens, it is served before all who were not granted meanwhile', async () => {
    const { valve, admin } = site;
    const owner = site.another();
    const holder = await owner.take(KEY);
    const [waiters, processes] = await queue();
    // Its new connection stays in its handshake until the release is done, and so does what it would
    // say of itself meanwhile: who is known to hear nothing is not passed over.
    valve.hold('up');
    valve.cut('inbox');
    await until('it is not counted', async () => {
      const list = (await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string;
      return list.trim().split('\n').length === 3;
    });

    await owner.release(holder);
    // The second was granted; the first stands in the queue again before that one gives it back.
    const second = await granted(waiters[1]!);
    valve.open();
    await until('it is back in its place', async () => {
      return (await admin.zcount(`lock:${KEY}`, '1e14', '+inf')) === 3;
    });
    const rest = [0, 2, 3];
    const order = served(
      rest.map((i) => waiters[i]!),
      rest.map((i) => processes[i]!),
    );
    await processes[1]!.release(second);

    expect((await order).map((i) => rest[i])).toEqual([0, 2, 3]);
    await until('no key', async () => (await site.keys()).length === 0, 2_000);
  });

  it('Order: cut off at the same time as the release, it is first, or first after the one who was', async () => {
    const { valve, admin } = site;
    const owner = site.another();
    for (let round = 0; round < 15; round += 1) {
      const holder = await owner.take(KEY);
      const [waiters, processes] = await queue();
      const first = watch(waiters[0]!.granted);
      const order = served(waiters, processes, async (i) => {
        if (i !== 1 || first.settled) return;
        // Granted before the first, it keeps the lock until that one is back.
        await until('it is back in its place', async () => {
          return first.settled || (await admin.zcount(`lock:${KEY}`, '1e14', '+inf')) === 3;
        });
      });
      valve.cut('inbox');
      await owner.release(holder);

      expect([
        [0, 1, 2, 3],
        [1, 0, 2, 3],
      ]).toContainEqual(await order);
      await Promise.all(processes.slice(2).map(({ store }) => store.close()));
    }
  });

  it('Order: known to hear nothing, it stays the first while its inbox reconnects', async () => {
    const { here, there, valve, admin, server } = site;
    const holder = await there.take(KEY);
    const first = await here.waitAsNumber(1, KEY);
    const second = await there.waitAsNumber(2, KEY);
    await untilHeard(server.url, `lock:${KEY}`);
    const order: string[] = [];
    const visits = [
      granted(first).then((grant) => (order.push('first'), here.release(grant))),
      granted(second).then((grant) => (order.push('second'), there.release(grant))),
    ];

    // It comes back, and cannot subscribe yet.
    valve.hold('up', 'inbox');
    valve.cut('inbox');
    await until('said that it hears nothing', async () => {
      const [member = ''] = await admin.zrangebyscore(`lock:${KEY}`, '1e14', '+inf');
      return member.endsWith(' 0');
    });
    await there.release(holder);

    expect(await Promise.all(visits)).toEqual([true, true]);
    expect(order).toEqual(['first', 'second']);
  });
});
