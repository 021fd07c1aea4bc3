import { restartEmpty } from '../arena/server.js';
import { pause } from '../moment.js';
import type { Fault } from './fault.js';

/** What keeps a key closed for longer, in ms, is a lock or a waiter that nobody answers for. */
const SOUND = 300;

const restartDurable: Fault = {
  name: 'kill redis (aof)',
  async inject({ redis }, random) {
    await redis.kill('SIGKILL');
    await pause(random.pick([0, random.int(100, 900), random.int(900, 2_500)]));
    await redis.restart();
    await pause(random.int(200, 600));
    return 1;
  },
};

const restartVolatile: Fault = {
  name: 'kill redis (no data)',
  async inject(arena, random) {
    const act = (): Promise<void> => restartEmpty(arena.redis, random.int(0, 900));
    await arena.disturb('data lost', act, { cut: true });
    await pause(random.int(200, 600));
    return 1;
  },
};

const stop: Fault = {
  name: 'stop redis',
  async inject({ redis }, random) {
    redis.pause();
    await pause(random.pick([random.int(100, 1_000), random.int(1_000, 3_500)]));
    redis.resume();
    await pause(random.int(200, 600));
    return 1;
  },
};

const clientPause: Fault = {
  name: 'client pause',
  async inject(arena, random) {
    const ms = random.int(100, 1_600);
    await arena.ask((redis) => redis.call('CLIENT', 'PAUSE', ms, random.pick(['ALL', 'WRITE'])));
    await pause(ms + random.int(100, 300));
    return 1;
  },
};

const scriptFlush: Fault = {
  name: 'script flush',
  async inject(arena, random) {
    // Only the first who asks after a flush has to ask again: few flushes put few to the test.
    const times = random.int(80, 120);
    await arena.bound(SOUND, 'when nothing but a script was forgotten', async () => {
      for (let i = 0; i < times; i += 1) {
        await arena.ask((redis) => redis.script('FLUSH'));
        await pause(random.int(2, 15));
      }
      await pause(2 * SOUND);
    });
    return times;
  },
};

const flushAll: Fault = {
  name: 'flushall',
  async inject(arena, random) {
    await arena.disturb('data lost', () => arena.ask((redis) => redis.flushall()));
    await pause(random.int(100, 700));
    return 1;
  },
};

/** In the middle of work that is over before any renewal: only the release can tell of the loss. */
const flushShortWork: Fault = {
  name: 'flushall in short work',
  async inject(arena, random) {
    const times = random.int(4, 8);
    for (const worker of arena.fleet.alive()) {
      arena.fleet.order(worker, { type: 'brief', ms: 1_500 });
    }
    for (let i = 0; i < times; i += 1) {
      await arena.disturb('data lost', () => arena.ask((redis) => redis.flushall()));
      await pause(random.int(50, 200));
    }
    return times;
  },
};

export const serverFaults: readonly Fault[] = [
  restartDurable,
  restartVolatile,
  stop,
  clientPause,
  scriptFlush,
  flushAll,
  flushShortWork,
];
