import { granted } from '../../support/callers.js';
import { commandCounts } from '../../support/redis-probe.js';
import type { RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import { openSite, startReplica, type Site } from './site.js';

/** What is wrong is there at once when the second command overtakes the first; else it never comes. */
const MOMENT = 150;
const LEASE = 60_000;

interface Disturbance {
  readonly name: string;
  readonly hasReplica?: boolean;
  /** Before the first command is sent. */
  readonly before: (site: Site) => Promise<unknown>;
  /** The first has reached the server and has no answer yet, the second was asked for. */
  readonly between: (site: Site, replica: RedisServer | undefined) => Promise<unknown>;
}

const DISTURBANCES: Disturbance[] = [
  {
    name: 'SCRIPT FLUSH',
    before: (site) => site.admin.script('FLUSH'),
    // Another process brings the script back: what comes first now is executed first.
    between: async ({ there, valve }) => {
      await there.store.inspect('another');
      valve.open();
    },
  },
  {
    name: 'a reconnect',
    before: () => Promise.resolve(),
    between: async ({ valve }) => {
      valve.cut();
      valve.open();
    },
  },
  {
    name: 'a failover',
    hasReplica: true,
    before: () => Promise.resolve(),
    between: async (site, replica) => {
      await site.failOver(replica!);
      site.valve.open();
    },
  },
];

describe.each(DISTURBANCES)(
  '$name between two commands of one owner',
  ({ hasReplica, before, between }) => {
    let site: Site;
    let replica: RedisServer | undefined;
    beforeEach(async () => {
      site = await openSite();
      if (hasReplica) replica = await startReplica(site.server);
      // The script is known everywhere.
      await Promise.all([site.here.store.inspect('x'), site.there.store.inspect('x')]);
    });
    afterEach(async () => {
      await site.close();
      await replica?.stop();
      replica = undefined;
    });

    /** From now on the replies to commands are kept; resolves when a call has reached the server. */
    const hold = async (ask: () => void): Promise<void> => {
      await before(site);
      site.valve.hold('down', 'commands');
      const calls = async (): Promise<number> =>
        (await commandCounts(site.server.url)).get('evalsha') ?? 0;
      const had = await calls();
      ask();
      await until('a call sent', async () => (await calls()) > had);
    };
    const untilFree = async (key: string): Promise<void> => {
      await until('nothing left', async () => (await site.keys()).length === 0);
      await sleep(MOMENT);
      expect(await site.keys()).toEqual([]);
      await site.there.release(await site.there.take(key));
    };

    it('Order: an acquire and its leave: a free key is not locked for nobody', async () => {
      await hold(() => {
        const asked = site.here.wait('order:42');
        setTimeout(() => asked.leave(), MOMENT / 3);
      });
      await sleep(MOMENT / 2);
      await between(site, replica);

      await untilFree('order:42');
    });

    it('Order: an acquire and its leave: there is no ghost in the queue', async () => {
      const holder = await site.there.take('order:42', LEASE);
      let asked = site.here.wait('other');
      await hold(() => (asked = site.here.wait('order:42')));
      asked.leave();
      await between(site, replica);

      await site.there.untilWaiting('order:42', 0);
      await sleep(MOMENT);
      expect(await site.there.store.inspect('order:42')).toMatchObject({ waiting: 0 });
      await site.there.release(holder);
      const next = await site.there.take('order:42');
      await site.there.release(next);
    });

    it('Order: a question and its release: neither a ghost nor an orphan is left', async () => {
      const { here } = site;
      const holder = await here.take('order:42', LEASE);
      // With so short a lease it asks again after half a second.
      const heir = await here.waitAsNumber(1, 'order:42', 1_500);
      await hold(() => undefined);
      const released = here.release(holder);
      const heirReleased = granted(heir).then((grant) => here.release(grant));
      await between(site, replica);

      await Promise.all([released, heirReleased]);
      await untilFree('order:42');
    });

    it('Order: a question and its leave: the place is given up', async () => {
      const { here, there } = site;
      const holder = await there.take('order:42', LEASE);
      const waiter = await here.waitAsNumber(1, 'order:42', 1_500);
      await hold(() => undefined);
      waiter.leave();
      await between(site, replica);

      await there.untilWaiting('order:42', 0);
      await sleep(MOMENT);
      expect(await there.store.inspect('order:42')).toMatchObject({ waiting: 0 });
      await there.release(holder);
      await untilFree('order:42');
    });

    it('Order: a renewal and an extend: no lease is shortened behind the extend', async () => {
      const { here, there } = site;
      const holder = await here.take('order:42', LEASE);
      const renewals: Promise<unknown>[] = [];
      await hold(() => renewals.push(here.extend(holder, LEASE / 6)));
      renewals.push(here.extend(holder, LEASE));
      await between(site, replica);

      for (const renewal of await Promise.all(renewals)) expect(renewal).not.toBeNull();
      await sleep(MOMENT);
      const { remainingMs } = (await there.holder('order:42'))!;
      expect(remainingMs).toBeGreaterThan(LEASE / 2);
      await here.release(holder);
      await untilFree('order:42');
    });
  },
);
