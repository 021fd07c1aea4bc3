import { Redis } from 'ioredis';

import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';
import type { Visit } from '../history.js';
import { ask, release, request } from '../../../support/callers.js';
import { watch } from '../../../support/until.js';

export interface CrowdConfig {
  readonly url: string;
  /** A server apart from the one that is tested, on which each visitor writes down what it read. */
  readonly witnessUrl: string;
  /** `store`: each caller waits in the store's queue; `service`: in the queues of its process. */
  readonly through: 'store' | 'service';
  readonly keys: readonly string[];
  readonly callers: number;
  readonly turns: number;
}

const now = (): number => Number(process.hrtime.bigint());

const config = childConfig() as CrowdConfig;
const client = new Redis(config.url);
const witness = new Redis(config.witnessUrl);
const store = new RedisStore({ client, keyPrefix: 'lock', ownsClient: false });
const locks = new LockService({ store, leaseTime: 30_000, waitTime: 120_000 });
const visits: Visit[] = [];

/** Reads, lets others run, writes back one more: whoever is inside with another loses a count. */
async function work(key: string): Promise<{ entered: number; left: number }> {
  const entered = now();
  const count = Number(await witness.get(key));
  await witness.set(key, count + 1);
  return { entered, left: now() };
}

async function visitByStore(key: string): Promise<void> {
  const asked = now();
  let arrived: number | undefined;
  const attempt = ask(store, request(key, { leaseTime: 30_000 }));
  const seen = watch(attempt.granted);
  while (!seen.settled && attempt.progress.state === 'unanswered') {
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Its place in the queue is certain from here on.
  if (!seen.settled) arrived = now();
  const grant = await attempt.granted;
  if (grant === null) throw new Error('refused to one who waits');
  const { entered, left } = await work(key);
  visits.push({ key, token: grant.token, asked, arrived: arrived ?? entered, entered, left });
  if (!(await release(store, grant))) throw new Error(`lost ${key} after ${left - entered} ns`);
}

async function visitByService(key: string): Promise<void> {
  const asked = now();
  await locks.using(key, async (lock) => {
    const { entered, left } = await work(key);
    visits.push({ key, token: lock.token, asked, arrived: entered, entered, left });
    lock.assertHeld();
  });
}

async function call(caller: number): Promise<void> {
  for (let turn = 0; turn < config.turns; turn += 1) {
    const key = config.keys[(caller + turn) % config.keys.length] ?? '';
    await (config.through === 'store' ? visitByStore(key) : visitByService(key));
  }
}

await Promise.all([client.ping(), witness.ping()]);
await tellParent({ ready: true });
await new Promise((resolve) => process.once('message', resolve));
await Promise.all(Array.from({ length: config.callers }, (_, caller) => call(caller)));
await tellParent({ visits });
await store.close();
client.disconnect();
witness.disconnect();
process.disconnect();
