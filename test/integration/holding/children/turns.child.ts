import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';
import { sleep } from '../../../support/until.js';

export interface TurnsConfig {
  readonly url: string;
  /** The names of the clients. */
  readonly clients: readonly string[];
  /** How long each turn lasts, in ms, and how many each client has. */
  readonly hold: number;
  readonly turns: number;
  /** The list in Redis that says who had a turn after whom. */
  readonly log: string;
}

/** Clients that take one key again and again, and write down that they had it. */
const { url, clients, hold, turns, log } = childConfig() as TurnsConfig;
const client = new Redis(url);
const locks = new LockService({ store: new RedisStore({ client }), fair: true, waitTime: 60_000 });

await client.ping();
await tellParent({ ready: true });
await new Promise((resolve) => process.once('message', resolve));

await Promise.all(
  clients.map(async (name) => {
    for (let turn = 0; turn < turns; turn += 1) {
      await locks.using('order:1', async () => {
        await client.rpush(log, name);
        await sleep(hold);
      });
    }
  }),
);
await tellParent({ done: true });
await locks.close();
client.disconnect();
process.disconnect();
