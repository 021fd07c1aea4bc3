import { LONGEST_LEASE } from '../arena/arena.js';
import { pause } from '../moment.js';
import type { Fault } from './fault.js';

/** Longer than any lease here. */
const LONG = { least: LONGEST_LEASE + 100, most: LONGEST_LEASE * 2 };

const killHolder: Fault = {
  name: 'kill holder',
  async inject(arena, random) {
    await arena.fleet.replace(await arena.holder(random));
    return 1;
  },
};

const killWaiter: Fault = {
  name: 'kill waiter',
  async inject(arena, random) {
    await arena.fleet.replace(await arena.waiter(random));
    return 1;
  },
};

const stopHolder: Fault = {
  name: 'stop holder',
  async inject(arena, random) {
    // More than one at a time: each key may have another holder.
    const stopped = new Set([await arena.holder(random)]);
    if (random.chance(0.5)) stopped.add(await arena.holder(random));
    for (const { program } of stopped) program.signal('SIGSTOP');
    await pause(random.int(LONG.least, LONG.most));
    for (const { program } of stopped) program.signal('SIGCONT');
    await pause(300);
    return stopped.size;
  },
};

const blockLoop: Fault = {
  name: 'block event loop',
  async inject(arena, random) {
    const ms = random.int(LONG.least, LONG.most);
    arena.fleet.order(await arena.holder(random), { type: 'block', ms });
    await pause(ms + 300);
    return 1;
  },
};

export const processFaults: readonly Fault[] = [killHolder, killWaiter, stopHolder, blockLoop];
