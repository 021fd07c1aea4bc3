import { LONGEST_LEASE } from '../arena/arena.js';
import { pause } from '../moment.js';
import type { Fault } from './fault.js';

/** For longer than a leader may go on leading unheard. */
const LONG = { least: LONGEST_LEASE + 100, most: LONGEST_LEASE * 2 };

const killLeader: Fault = {
  name: 'leader killed',
  async inject(arena, random) {
    await arena.fleet.replace(await arena.leader(random));
    return 1;
  },
};

const freezeLeader: Fault = {
  name: 'leader frozen',
  async inject(arena, random) {
    const { program } = await arena.leader(random);
    program.signal('SIGSTOP');
    await pause(random.int(LONG.least, LONG.most));
    program.signal('SIGCONT');
    await pause(300);
    return 1;
  },
};

/** Its network goes, and comes back when another leads. */
const cutLeader: Fault = {
  name: 'leader cut off',
  async inject(arena, random) {
    const { proxy } = await arena.leader(random);
    const hit = proxy.halfOpen('both', true, random.pick(['both', 'down']));
    await pause(random.int(LONG.least, LONG.most));
    proxy.heal();
    await pause(300);
    return hit;
  },
};

export const leaderFaults: readonly Fault[] = [killLeader, freezeLeader, cutLeader];
