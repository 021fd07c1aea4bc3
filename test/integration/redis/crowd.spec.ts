import type { LockMode } from '../../../lib/stores/lock-mode.js';
import { findFaketime } from '../../faults/faketime.js';
import { ask, Callers, granted, LONG, request } from '../../support/callers.js';
import { VirtualRedis } from '../../support/virtual-redis.js';

const found = findFaketime();
const withClock = 'library' in found ? it : it.skip;
const titled = (title: string): string =>
  'library' in found ? title : `${title} (${found.missing})`;

/** So many enter at once, each with a range of tokens, that the last are milliseconds ahead of the clock. */
const CROWD = 250;

describe('tokens that a crowd has carried ahead of the clock', () => {
  let redis: VirtualRedis;
  let here: Callers;
  let there: Callers;
  beforeEach(async () => {
    if (!('library' in found)) return;
    // A machine that is faster than this one, as far as the server's clock can tell.
    redis = await VirtualRedis.open(found.library, 0.01);
    [here, there] = redis.stores.map((store) => new Callers(store)) as [Callers, Callers];
    await enterAsCrowd(there);
  });
  afterEach(() => ('library' in found ? redis.close() : undefined));

  async function enterAsCrowd({ store }: Callers): Promise<void> {
    const mode: LockMode = { kind: 'limited', limit: CROWD, permits: 1 };
    const holder = await new Callers(store).take('crowd');
    const crowd = Array.from({ length: CROWD }, () => ask(store, request('crowd', { mode })));
    await redis.settle();
    await new Callers(store).release(holder);
    await Promise.all(crowd.map(granted));
  }

  withClock(
    titled('Tokens: of another key grow from who has seen them to who has not'),
    async () => {
      const tokens: number[] = [];
      for (const callers of [there, here, there, here]) {
        const grant = await callers.take('order:42');
        tokens.push(grant.token);
        await callers.release(grant);
      }

      expect(tokens).toEqual([...new Set(tokens)].sort((one, other) => one - other));
    },
  );

  withClock(titled('who has seen them waits in order of arrival with who has not'), async () => {
    const holder = await here.take('order:42');
    const order: string[] = [];
    const visits: Promise<unknown>[] = [];
    for (const callers of [there, here, there, here]) {
      const name = `${visits.length}`;
      const asked = callers.wait('order:42', LONG);
      await redis.settle();
      const visit = granted(asked).then((grant) => {
        order.push(name);
        return callers.release(grant);
      });
      visits.push(visit);
    }

    await here.release(holder);
    await Promise.all(visits);

    expect(order).toEqual(['0', '1', '2', '3']);
  });
});
