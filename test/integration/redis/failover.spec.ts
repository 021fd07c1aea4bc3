import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { probe, untilHeard } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import { connect, openSite } from './site.js';
import { Junction } from './junction.js';
import { startReplica, switchOver, untilRole } from './replica.js';

const KEYS = ['stock:1', 'stock:2'];
/** How soon all goes on after a planned change of master, in ms, on a slow machine. */
const CHANGE = 3_000;

describe('a planned change of master behind a proxy, with inboxes that stay on the old one', () => {
  let one: RedisServer;
  let two: RedisServer;
  let junction: Junction;
  let processes: Callers[];
  let isOver: boolean;

  beforeEach(async () => {
    isOver = false;
    one = await startRedis();
    two = await startReplica(one);
    junction = await Junction.start({ commands: one.port, inbox: one.port });
    processes = [0, 1, 2].map(
      () => new Callers(new RedisStore({ client: connect(junction.port), ownsClient: true })),
    );
  });
  afterEach(async () => {
    isOver = true;
    await Promise.all(processes.map(({ store }) => store.close()));
    junction.close();
    await Promise.all([one.stop(), two.stop()]);
  });

  async function failOver(from: RedisServer, to: RedisServer, cuts: boolean): Promise<void> {
    await switchOver(from, to);
    junction.ports.commands = to.port;
    if (cuts) junction.cut('commands');
    await untilRole(from, 'slave');
  }

  /**
   * Holds of all processes, until all is over; `worst` is how many were in at once, `backwards` how many
   * tokens did not grow.
   */
  class Load {
    holds = 0;
    worst = 0;
    backwards = 0;
    gap = 0;
    private last = performance.now();
    private readonly inside = new Map<string, number>();
    private readonly tokens = new Map<string, number>();
    private readonly work = processes.flatMap((callers) =>
      KEYS.flatMap((key) => [0, 1].map(() => this.turns(callers, key))),
    );

    async end(): Promise<void> {
      isOver = true;
      await Promise.all(this.work);
    }

    private async turns(callers: Callers, key: string): Promise<void> {
      while (!isOver) {
        // A server that was demoted refuses; the next try goes to another.
        const grant = await callers.take(key).catch(() => undefined);
        if (!grant) continue;
        const now = performance.now();
        this.gap = Math.max(this.gap, now - this.last);
        this.last = now;
        this.holds += 1;
        const count = (this.inside.get(key) ?? 0) + 1;
        this.inside.set(key, count);
        this.worst = Math.max(this.worst, count);
        if (grant.token <= (this.tokens.get(key) ?? 0)) this.backwards += 1;
        this.tokens.set(key, grant.token);
        await sleep(1);
        this.inside.set(key, (this.inside.get(key) ?? 0) - 1);
        // What it is told of a server that cannot take it: the release goes on by itself.
        await callers.release(grant).catch(() => undefined);
      }
    }
  }

  it.each([
    ['when commands are cut off the old one', true],
    ['when commands have to leave the old one by themselves', false],
  ])(
    'Exclusion: never two at once over hundreds of holds, nor do tokens go back, %s',
    async (_, cuts) => {
      const load = new Load();
      let [from, to] = [one, two];
      for (let change = 0; change < 2; change += 1) {
        const before = load.holds;
        await until('under load', () => load.holds - before > 200);
        await failOver(from, to, cuts);
        const changed = load.holds;
        await until('all goes on', () => load.holds - changed > 200);
        [from, to] = [to, from];
        expect(junction.count('commands')).toBeGreaterThan(0);
      }
      await load.end();

      expect(load.worst).toBe(1);
      expect(load.backwards).toBe(0);
      expect(load.holds).toBeGreaterThan(800);
      expect(load.gap).toBeLessThan(CHANGE);
    },
  );

  it('Exclusion: the own client leaves a master that was demoted, without being cut off', async () => {
    const [here] = processes as [Callers];
    const held = await here.take('order:42');
    await failOver(one, two, false);

    // The first question that is refused there is the last.
    await here.release(held).catch(() => undefined);
    const grant = await here.take('order:42');
    expect(await probe(two.url, (client) => client.exists('lock:order:42'))).toBe(1);
    expect(grant.token).toBeGreaterThan(held.token);
    expect(await here.release(grant)).toBe(true);
  });

  it('Exclusion: nor two when an inbox hears by replication, and late', async () => {
    const site = await openSite({ answerTimeout: 500 });
    const { here, there, valve, server } = site;
    const replica = await startReplica(server);
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

    // The inboxes' connections are not cut, and what they bring comes late.
    valve.hold('down', 'inbox');
    await site.failOver(replica, 'commands');
    await there.release(holder).catch(() => undefined);
    await sleep(300);
    valve.open();
    await Promise.all(visits);

    expect(faults).toEqual([]);
    await site.close();
    await replica.stop();
  });
});
