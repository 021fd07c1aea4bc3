import { granted, type Callers } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { openSite, type Site } from '../redis/site.js';
import { NODE_LIBRARIES, REDIS_PY, type Library } from './libraries.js';
import { pythonWithRedis } from './redis-py.js';
import type { TheirHold, TheirLocks } from './their-locks.js';

const KEY = 'order:42';
/** Longer than a lock of theirs is kept that nobody renews, in ms. */
const SHORT = 150;
/** In 250 ms one asks again; the rest is what a slow machine adds. */
const SOON = 250 + 750;

const hasPython = pythonWithRedis() !== undefined;
if (!hasPython) console.warn('redis-py is left out: there is no Python that has it');
const libraries = [...NODE_LIBRARIES, ...(hasPython ? [REDIS_PY] : [])];

describe.each(libraries.map((library) => [library.name, library] as const))(
  'the lock of %s under the same key',
  (_, library: Library) => {
    const name = library.prefix + KEY;
    let site: Site;
    let here: Callers;
    let there: Callers;
    let theirs: TheirLocks;
    beforeEach(async () => {
      site = await openSite({ keyPrefix: library.prefix.slice(0, -1) });
      ({ here, there } = site);
      theirs = await library.open(site.server.port, name);
    });
    afterEach(async () => {
      await theirs.close();
      await site.close();
    });

    async function take(leaseTime?: number): Promise<TheirHold> {
      const held = await theirs.tryTake(leaseTime);
      if (!held) throw new Error(`${library.name} did not get a free key`);
      return held;
    }

    it('Exclusion: theirs keeps ours out, and ours is in soon after its release', async () => {
      const held = await take();
      expect(await here.tryTake(KEY)).toBeNull();
      expect(await here.holder(KEY)).toMatchObject({ holder: undefined, mode: undefined });

      const waiting = [here.wait(KEY), there.wait(KEY)];
      await until('both wait', () => waiting.every(({ progress }) => progress.state === 'queued'));
      await sleep(SHORT);
      expect(waiting.map(({ progress }) => progress.state)).toEqual(['queued', 'queued']);

      const entered = Promise.race(waiting.map(({ granted: grant }) => grant));
      const released = performance.now();
      expect(await held.release()).toBe(true);
      await entered;
      expect(performance.now() - released).toBeLessThan(SOON);
      await Promise.all(
        [here, there].map(async (callers, i) => callers.release(await granted(waiting[i]!))),
      );
      expect(await site.keys()).toEqual([]);
    });

    it('Exclusion: ours keeps theirs out, alone, waited for, and handed off', async () => {
      const alone = await here.take(KEY);
      expect(await theirs.tryTake()).toBeUndefined();
      const waiting = await there.waitAsNumber(1, KEY);
      expect(await theirs.tryTake()).toBeUndefined();
      await here.release(alone);
      const handedOff = await granted(waiting);
      expect(await theirs.tryTake()).toBeUndefined();

      expect(await there.release(handedOff)).toBe(true);
      expect(await (await take()).release()).toBe(true);
      expect(await site.keys()).toEqual([]);
    });

    it('Exclusion: a lock of theirs that is renewed keeps ours out for longer', async () => {
      const held = await take(1_000);
      const waiting = here.wait(KEY);
      expect(await held.extend()).toBe(true);
      await sleep(1_000 + SHORT);
      expect(waiting.progress.state).toBe('queued');
      expect(await there.tryTake(KEY)).toBeNull();

      expect(await held.release()).toBe(true);
      await here.release(await granted(waiting));
    });

    it.each([
      ['alone', false],
      ['waited for', true],
    ])(
      'Exclusion: what they do with a lock that ran out does nothing to ours, %s',
      async (_form, isWaitedFor) => {
        const late = await take(SHORT);
        const ours = await here.take(KEY);
        const waiting = isWaitedFor ? await there.waitAsNumber(1, KEY) : undefined;

        expect(await late.extend()).toBe(false);
        // Not all of them tell.
        await late.release();
        expect(await here.extend(ours, 30_000)).not.toBeNull();
        expect(await here.release(ours)).toBe(true);
        if (waiting) expect(await there.release(await granted(waiting))).toBe(true);
        expect(await site.keys()).toEqual([]);
      },
    );

    it('Exclusion: it is never free for them while ours goes from process to process', async () => {
      const done = new AbortController();
      let tries = 0;
      let had = 0;
      let grant = await here.take(KEY);
      const trying = (async () => {
        while (!done.signal.aborted) {
          const held = await theirs.tryTake();
          tries += 1;
          if (!held) continue;
          had += 1;
          await held.release();
        }
      })();
      let [holder, next] = [here, there];
      for (let turn = 0; turn < 30; turn += 1) {
        const waiting = await next.waitAsNumber(1, KEY);
        const before = tries;
        await until('they have tried', () => tries > before);
        expect(await holder.release(grant)).toBe(true);
        grant = await granted(waiting);
        [holder, next] = [next, holder];
      }
      done.abort();
      await trying;

      expect(had).toBe(0);
      expect(tries).toBeGreaterThan(30);
      await holder.release(grant);
    });
  },
);
