import { restartEmpty } from '../arena/server.js';
import { pause } from '../moment.js';
import type { Fault } from './fault.js';

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
    await arena.disturb('data lost', () => restartEmpty(arena.redis, random.int(0, 900)));
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
    await arena.ask((redis) => redis.script('FLUSH'));
    await pause(random.int(10, 80));
    return 1;
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

export const serverFaults: readonly Fault[] = [
  restartDurable,
  restartVolatile,
  stop,
  clientPause,
  scriptFlush,
  flushAll,
];
