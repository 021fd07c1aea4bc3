import { granted } from '../../support/callers.js';
import { commandCounts, resetCommands, untilHeard } from '../../support/redis-probe.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until, watch } from '../../support/until.js';
import { startReplica } from './replica.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';

interface Trouble {
  readonly name: string;
  readonly hasReplica?: boolean;
  readonly before?: (site: Site) => Promise<unknown>;
  /** The first has been executed and its answer stays on the way; the second was not asked for yet. */
  readonly between: (
    site: Site,
    here: { connection: number; replica?: RedisServer },
  ) => Promise<unknown>;
}

const TROUBLES: Trouble[] = [
  {
    name: 'the script is forgotten',
    before: ({ admin }) => admin.script('FLUSH'),
    // Another process makes the server know the script again: what comes now is not sent back.
    between: ({ there }) => there.store.inspect('another'),
  },
  {
    name: 'the connection is killed',
    between: ({ admin }, { connection }) => admin.client('KILL', 'ID', connection),
  },
  {
    name: 'a replica becomes the master',
    hasReplica: true,
    between: (site, { replica }) => site.failOver(replica!),
  },
];

/**
 * What is asked for one owner is done in the order in which it was asked, whatever becomes of the first
 * command: it is sent again, and the second could overtake it.
 */
describe.each(TROUBLES)('when $name between', ({ hasReplica, before, between: trouble }) => {
  let site: Site;
  let connection: number;
  let replica: RedisServer | undefined;

  beforeEach(async () => {
    site = await openSite();
    replica = hasReplica ? await startReplica(site.server) : undefined;
    connection = await site.clients[0].client('ID');
  });
  afterEach(async () => {
    await site.close();
    await replica?.stop();
  });

  /** The server is told `first`, whose answer stays on the way; there is trouble; then comes `second`. */
  async function between<T>(first: () => T, second: (from: T) => void): Promise<T> {
    const { admin, server, valve } = site;
    await before?.(site);
    await resetCommands(server.url);
    valve.hold('down', 'commands');
    const from = first();
    await until('the first is there', async () => {
      return ((await commandCounts(server.url)).get('evalsha') ?? 0) > 0;
    });
    await trouble(site, { connection, ...(replica && { replica }) });
    second(from);
    // Were it sent before the first was answered, it would be there by now.
    for (let i = 0; i < 5; i += 1) await admin.ping();
    valve.open();
    return from;
  }

  /** All that `here` has asked for has been done, and nothing of it is left. */
  async function nothingLeft(): Promise<void> {
    await site.here.store.close();
    expect(await site.there.store.inspect(KEY)).toMatchObject({ holders: [], waiting: 0 });
    // A released key may stay for a moment, to remember its last token.
    await until('no key', async () => (await site.keys()).length === 0, 2_000);
  }

  it('Order: an acquisition and its leave: no ghost stays in the queue', async () => {
    const { here, there } = site;
    const holder = await there.take(KEY);

    const waiter = await between(
      () => here.wait(KEY),
      (attempt) => attempt.leave(),
    );

    const seen = watch(waiter.granted);
    await here.store.close();
    expect(await there.store.inspect(KEY)).toMatchObject({ waiting: 0 });
    expect(await there.release(holder)).toBe(true);
    await nothingLeft();
    expect(seen.settled).toBe(false);
  });

  it('Order: an acquisition of a free key and its leave: no orphan holds it', async () => {
    const { here } = site;

    await between(
      () => here.wait(KEY),
      (attempt) => attempt.leave(),
    );

    await nothingLeft();
  });

  it('Order: a single try and its leave: no orphan holds it', async () => {
    const { here } = site;

    await between(
      () => here.tryOnce(KEY),
      (attempt) => attempt.leave(),
    );

    await nothingLeft();
  });

  it('Order: a question and the release of what was told meanwhile: no orphan holds it', async () => {
    const { here, server, there } = site;
    const holder = await there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY, 1_500);
    await untilHeard(server.url, `lock:${KEY}`);
    const gaveBack = waiter.granted.then((grant) => here.release(grant!));

    await between(
      // The first who waits asks again after a third of its lease.
      () => undefined,
      () => void there.release(holder),
    );

    expect(await gaveBack).toBe(true);
    await nothingLeft();
  });

  it('Order: a question and the release of what came with another answer: no orphan holds it', async () => {
    const { here, server, valve } = site;
    const holder = await here.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY);
    await untilHeard(server.url, `lock:${KEY}`);
    const gaveBack = waiter.granted.then((grant) => here.release(grant!));

    await between(
      // Whose inbox opens anew asks what it missed.
      () => valve.cut('inbox'),
      () => void here.release(holder),
    );

    expect(await gaveBack).toBe(true);
    await nothingLeft();
  });

  it('Order: a question and its leave: the place is given up', async () => {
    const { here, there } = site;
    const holder = await there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY, 1_500);
    await untilHeard(site.server.url, `lock:${KEY}`);
    const seen = watch(waiter.granted);

    await between(
      // The first who waits asks again after a third of its lease.
      () => undefined,
      () => waiter.leave(),
    );

    await there.untilWaiting(KEY, 0);
    expect(await there.release(holder)).toBe(true);
    await nothingLeft();
    expect(seen.settled).toBe(false);
  });

  it('Order: a renewal and a longer extension: the lease is not shortened behind its back', async () => {
    const { here, there } = site;
    const grant = await here.take(KEY, 5_000);
    const extended: Promise<unknown>[] = [];

    const renewed = await between(
      () => ({ answer: here.extend(grant, 5_000) }),
      () => void extended.push(here.extend(grant, 60_000)),
    );

    expect(await renewed.answer).toMatchObject({ leaseTime: 5_000 });
    expect(await Promise.all(extended)).toMatchObject([{ leaseTime: 60_000 }]);
    expect((await there.holder(KEY))?.remainingMs).toBeGreaterThan(50_000);
    expect(await here.release(grant)).toBe(true);
    await nothingLeft();
  });

  it('Order: a renewal and a shorter extension under contention: each as it was asked', async () => {
    const { here, there } = site;
    const grant = await here.take(KEY, 5_000);
    const heir = await there.waitAsNumber(1, KEY);
    const extended: Promise<unknown>[] = [];

    await between(
      () => void extended.push(here.extend(grant, 60_000)),
      () => void extended.push(here.extend(grant, 10_000)),
    );

    expect(await Promise.all(extended)).not.toContain(null);
    const left = (await there.holder(KEY))?.remainingMs;
    expect(left).toBeLessThanOrEqual(10_000);
    expect(left).toBeGreaterThan(5_000);
    expect(await here.release(grant)).toBe(true);
    expect(await there.release(await granted(heir))).toBe(true);
    await nothingLeft();
  });
});

describe('when no answer arrives', () => {
  let site: Site;
  beforeEach(async () => void (site = await openSite()));
  afterEach(() => site.close());

  it('No orphan: a lock goes back at once, behind a renewal that waits for another', async () => {
    const { here, there, valve } = site;
    const grant = await here.take(KEY);
    valve.hold('down', 'commands');
    const renewed = [here.extend(grant, 60_000), here.extend(grant, 60_000)];
    const released = here.release(grant);

    await until('the key is free', async () => {
      return (await there.store.inspect(KEY)).holders.length === 0;
    });
    valve.open();
    expect(await Promise.all(renewed)).not.toContain(null);
    expect(await released).toBe(true);
  });
});
