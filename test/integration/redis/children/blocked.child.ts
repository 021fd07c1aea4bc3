import { Redis } from 'ioredis';

import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { ask, release, request } from '../../../support/callers.js';
import { childConfig, tellParent } from '../../../support/child.js';

/**
 * Waits for a key, computes for `block` ms as soon as it has it, and says from when to when it
 * believed in it, on the clock that all processes of a machine share.
 */
const { url, key, leaseTime, block } = childConfig() as {
  url: string;
  key: string;
  leaseTime: number;
  block: number;
};
const now = (): number => Number(process.hrtime.bigint() / 1_000_000n);
const client = new Redis(url);
const store = new RedisStore({ client });
const asked = ask(store, request(key, { leaseTime }));
const grant = await asked.granted;
if (!grant) throw new Error('refused to one who waits');
const entered = now();
// As a holder in lib/lock does: what was given for less than was asked for is extended at once.
const [renewed] = grant.leaseTime < leaseTime ? store.extend([{ grant, leaseTime }]) : [];
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, block);
const left = now();
const isOurs = renewed === undefined || (await renewed) !== null;
await tellParent({ entered, left, isOurs, released: await release(store, grant) });
await store.close();
client.disconnect();
process.disconnect();
