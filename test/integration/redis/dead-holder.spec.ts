import { findFaketime } from '../../faults/faketime.js';
import { Callers, granted, type Asked } from '../../support/callers.js';
import { watch } from '../../support/until.js';
import { VirtualRedis } from '../../support/virtual-redis.js';

const found = findFaketime();
const withClock = 'library' in found ? it : it.skip;
const missing = 'library' in found ? '' : ` (${found.missing})`;

const LEASE = 10_000;
const KEYS = ['order:1', 'order:2', 'order:3', 'order:4', 'order:5'];

describe('a holder that is dead', () => {
  withClock(
    `Dead peers: costs its lease to the first who waits, however many wait behind it${missing}`,
    async () => {
      if (!('library' in found)) return;
      const redis = await VirtualRedis.open(found.library);
      try {
        const [here, there] = redis.stores.map((store) => new Callers(store)) as [Callers, Callers];
        for (const key of KEYS) await here.take(key, LEASE);
        const first: Asked[] = KEYS.map((key) => there.wait(key));
        for (const key of KEYS) for (let i = 0; i < 40; i += 1) there.wait(key);
        // Long enough for who is first to have asked again, with all the others behind it.
        await redis.pass(LEASE - 4_000);
        const seen = first.map((asked) => watch(granted(asked)));

        await redis.pass(3_900);
        expect(seen.filter(({ settled }) => settled)).toHaveLength(0);
        await redis.pass(200);
        expect(seen.filter(({ settled }) => settled)).toHaveLength(KEYS.length);
      } finally {
        await redis.close();
      }
    },
  );
});
