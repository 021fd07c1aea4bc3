import type { Redis } from 'ioredis';
import { LONGEST_LEASE, type Arena } from '../arena/arena.js';
import { pause } from '../moment.js';
import type { Fault } from './fault.js';

interface Refusal {
  readonly begin: (redis: Redis) => Promise<unknown>;
  readonly end: (redis: Redis) => Promise<unknown>;
}

/** Ways in which a server that is well answers with errors. */
const REFUSALS: readonly Refusal[] = [
  {
    begin: (redis) => redis.acl('SETUSER', 'default', '-@scripting'),
    end: (redis) => redis.acl('SETUSER', 'default', '+@all'),
  },
  {
    begin: (redis) => redis.acl('SETUSER', 'default', 'resetkeys', '~nothing'),
    end: (redis) => redis.acl('SETUSER', 'default', 'allkeys'),
  },
  {
    begin: (redis) => redis.config('SET', 'maxmemory', '1'),
    end: (redis) => redis.config('SET', 'maxmemory', '0'),
  },
];

async function refuse(arena: Arena, { begin, end }: Refusal, ms: number): Promise<void> {
  await arena.disturb('server may refuse', async () => {
    await arena.ask(begin);
    try {
      await arena.disturb('server refuses', () => pause(ms));
    } finally {
      await arena.ask(end);
    }
  });
}

/**
 * When the server serves again, what could not be given back meanwhile may stand for a lease, and no
 * longer; in ms.
 */
const AFTERMATH = LONGEST_LEASE + 300;

/** No permission for scripts, or for the keys, or no memory left: an answer, and no outage. */
export const refusal: Fault = {
  name: 'redis refuses',
  async inject(arena, random) {
    await refuse(arena, random.pick(REFUSALS), random.int(600, 1_500));
    await arena.bound(AFTERMATH, 'when the server has served again', () => pause(AFTERMATH + 500));
    return 1;
  },
};
