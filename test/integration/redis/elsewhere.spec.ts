import { granted, type Callers } from '../../support/callers.js';
import type { RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { connect, openSite, type Site } from './site.js';
import { Junction } from './junction.js';
import { startReplica } from './replica.js';

const KEY = 'order:42';
/** A frozen server is noticed by the heartbeat of its inbox, in ms. */
const HEARTBEAT = 2_000 + 400;
/** Who hears nothing asks this often, in ms, on a slow machine. */
const ASKED = 500;
/** A message is there sooner than who asks again after 100 to 250 ms, in ms. */
const MESSAGE = 50;

describe('an inbox on a replica, while the locks are with its master', () => {
  let site: Site;
  let replica: RedisServer;
  let junction: Junction;
  let here: Callers;
  beforeEach(async () => {
    site = await openSite();
    replica = await startReplica(site.server);
    junction = await Junction.start({ commands: site.server.port, inbox: replica.port });
    const client = connect(junction.port);
    here = site.another({ client });
    await client.ping();
  });
  afterEach(async () => {
    replica.resume();
    await site.close();
    junction.close();
    await replica.stop();
  });

  /** How long it takes from a release there to the grant here, in ms. */
  async function handOff(): Promise<number> {
    const holder = await site.there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY);
    await until('its inbox is there', () => junction.count('inbox') > 0);
    const released = performance.now();
    await site.there.release(holder);
    const grant = await granted(waiter);
    const took = performance.now() - released;
    expect(await here.release(grant)).toBe(true);
    return took;
  }

  /** Its inbox is proved to hear: who only asks has to wait longer. */
  async function untilHeardHere(): Promise<void> {
    for (let fast = 0; fast < 3;) fast = (await handOff()) < MESSAGE ? fast + 1 : 0;
  }

  it('Exclusion: a waiter that no server counts, and that is told all the same, is not passed over', async () => {
    const { there } = site;
    await untilHeardHere();
    const holder = await there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY);
    const next = await there.waitAsNumber(2, KEY);

    await there.release(holder);
    const grant = await granted(waiter);
    expect(next.progress).toMatchObject({ state: 'queued' });
    expect(await here.release(grant)).toBe(true);
    expect(await there.release(await granted(next))).toBe(true);
  });

  it('Dead peers: when the replica freezes, hand-offs cost about one heartbeat in all, not each', async () => {
    await untilHeardHere();
    replica.pause();
    const frozen = performance.now();

    const took: number[] = [];
    while (performance.now() - frozen < 6_000 || took.length < 5) took.push(await handOff());

    expect(Math.max(...took)).toBeLessThan(HEARTBEAT);
    expect(took.filter((ms) => ms > ASKED).length).toBeLessThanOrEqual(2);
    expect(took.length).toBeGreaterThan(10);
  });
});
