import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';
import { sleep } from '../../../support/until.js';

export interface TurnsConfig {
  readonly url: string;
  readonly clients: number;
  /** How long each turn lasts, and all of them, in ms. */
  readonly hold: number;
  readonly lasting: number;
}

/** Clients that take one key again and again; tells how often each of them had it. */
const { url, clients, hold, lasting } = childConfig() as TurnsConfig;
const client = new Redis(url);
const store = new RedisStore({ client });
const locks = new LockService({ store, fair: true, waitTime: 60_000 });

await client.ping();
await tellParent({ ready: true });
await new Promise((resolve) => process.once('message', resolve));

let over = false;
const counts = Array.from({ length: clients }, async () => {
  let turns = 0;
  while (!over) {
    await locks.using('order:1', async () => {
      await sleep(hold);
      if (!over) turns += 1;
    });
  }
  return turns;
});
await sleep(lasting);
over = true;
await tellParent({ counts: await Promise.all(counts) });
await locks.close();
client.disconnect();
process.disconnect();
