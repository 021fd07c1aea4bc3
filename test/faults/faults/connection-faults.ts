import { LONGEST_LEASE, type Arena } from '../arena/arena.js';
import type { Proxy, Target } from '../arena/proxy.js';
import { pause } from '../moment.js';
import type { Random } from '../random.js';
import type { Fault } from './fault.js';

function clientKill(name: string, type: 'normal' | 'pubsub'): Fault {
  return {
    name,
    async inject(arena, random) {
      const hit = await arena.ask((redis) =>
        redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'),
      );
      await pause(random.int(20, 400));
      return Number(hit);
    },
  };
}

/** Longer than any lease here. */
const LONG = LONGEST_LEASE + 300;

const TARGETS: readonly Target[] = ['command', 'subscriber', 'both'];

/** Some workers: a holder, all, or any one; every other time they stay inside while they can. */
async function victims(arena: Arena, random: Random): Promise<Proxy[]> {
  const alive = arena.fleet.alive();
  const choice = random.next();
  const chosen =
    choice < 0.5 ? [await arena.holder(random)] : choice < 0.8 ? alive : [random.pick(alive)];
  if (random.chance(0.5)) {
    for (const worker of chosen) arena.fleet.order(worker, { type: 'cling', ms: LONG });
  }
  return chosen.map((worker) => worker.proxy);
}

const delay: Fault = {
  name: 'proxy delay',
  async inject(arena, random) {
    const proxies = await victims(arena, random);
    const most = random.pick([20, 150, 600]);
    // Of a generator of its own: how often it is asked depends on the traffic.
    const act = async (): Promise<void> => {
      for (const proxy of proxies) proxy.delay(() => Math.random() * most);
      await pause(random.int(300, 1_500));
      for (const proxy of proxies) proxy.heal();
    };
    await arena.disturb('commands late', act, { by: most });
    return proxies.length;
  },
};

/**
 * A holder hears late that it holds, and then nothing more: who counts its lease from the answer
 * believes for too long.
 */
const lateThenSilent: Fault = {
  name: 'proxy delay then silence',
  async inject(arena, random) {
    const worker = random.pick(arena.fleet.alive());
    const { proxy } = worker;
    const late = random.int(80, 280);
    proxy.delay(() => late, true);
    await pause(late);
    await arena.makeCling(worker, LONG);
    // At once it is the grant that was late, later a renewal.
    await pause(random.pick([0, random.int(300, 900)]));
    const hit = proxy.halfOpen('both', true);
    await pause(LONG);
    proxy.heal();
    return hit;
  },
};

const cut: Fault = {
  name: 'proxy cut',
  async inject(arena, random) {
    const target = random.pick(TARGETS);
    let hit = 0;
    for (const proxy of await victims(arena, random)) hit += proxy.cut(target);
    await pause(random.int(20, 300));
    return hit;
  },
};

const swallow: Fault = {
  name: 'proxy swallows replies',
  async inject(arena, random) {
    const target = random.pick(TARGETS);
    let hit = 0;
    for (const proxy of await victims(arena, random)) {
      hit += proxy.swallowReplies(target, random.pick([0, 50, 300, LONG]));
    }
    await pause(random.int(50, 800));
    return hit;
  },
};

const halfOpen: Fault = {
  name: 'proxy half-open',
  async inject(arena, random) {
    const target = random.pick(TARGETS);
    const newOnes = random.chance(0.5);
    const proxies = await victims(arena, random);
    let hit = 0;
    for (const proxy of proxies) hit += proxy.halfOpen(target, newOnes);
    await pause(random.int(200, 3_500));
    for (const proxy of proxies) proxy.heal();
    await pause(random.int(100, 400));
    return hit;
  },
};

export const connectionFaults: readonly Fault[] = [
  clientKill('client kill (commands)', 'normal'),
  clientKill('client kill (subscribers)', 'pubsub'),
  delay,
  lateThenSilent,
  cut,
  swallow,
  halfOpen,
];
