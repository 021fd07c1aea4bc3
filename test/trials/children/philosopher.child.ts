import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../support/child.js';
import { sleep } from '../../support/until.js';

export interface PhilosopherConfig {
  readonly url: string;
  readonly forks: readonly [string, string];
  readonly seconds: number;
  /** For how long it thinks between two meals on average, in ms. */
  readonly thinks: number;
}

export interface Supper {
  readonly meals: number;
  /** In ms. */
  readonly longestWait: number;
}

/** How long a meal takes, in ms. */
const MEAL = 10;

/** Thinks and eats by turns, from when it is told to. */
const { url, forks, seconds, thinks } = childConfig() as PhilosopherConfig;
const store = await RedisStore.open({ connection: url });
const locks = new LockService({ store });
await locks.acquireAll(forks, { waitTime: 10_000 }).then((both) => both.release());

async function dine(): Promise<Supper> {
  let meals = 0;
  let longestWait = 0;
  const end = performance.now() + seconds * 1_000;
  while (performance.now() < end) {
    if (thinks > 0) await sleep(Math.random() * 2 * thinks);
    const asked = performance.now();
    // A deadlock would be told as one: nobody waits for ever.
    await using both = await locks.acquireAll(forks, { waitTime: 30_000 });
    longestWait = Math.max(longestWait, performance.now() - asked);
    meals += 1;
    await sleep(MEAL);
    both.assertHeld();
  }
  return { meals, longestWait };
}

process.on('message', () => {
  void dine().then(async (supper) => {
    await tellParent(supper);
    await locks.close();
    process.disconnect();
  });
});
await tellParent({ ready: true });
