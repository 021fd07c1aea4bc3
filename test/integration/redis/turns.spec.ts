import type { Grant } from '../../../lib/stores/lock-store.js';
import { ask, granted, request, type Asked, type Callers } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { untilHeard } from '../../support/redis-probe.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';
const LOCK = `lock:${KEY}`;
/** Our turn on a key on which another library's lock was just met, and theirs, in ms. */
const TURN = 300;
/** What a slow machine adds. */
const SLOW = 700;

describe('a key on which the lock of another library was met', () => {
  let site: Site;
  let here: Callers;
  let there: Callers;
  beforeEach(async () => {
    site = await openSite();
    ({ here, there } = site);
  });
  afterEach(() => site.close());

  /** Ours holds, having met theirs on the way, and so long that it is their turn when it is given back. */
  async function atTheEndOfOurTurn(): Promise<Grant> {
    await site.admin.set(LOCK, 'theirs');
    const waiting = here.wait(KEY);
    await until('it waits', () => waiting.progress.state === 'queued');
    await site.admin.del(LOCK);
    const grant = await granted(waiting);
    await sleep(TURN + 20);
    return grant;
  }

  it('Exclusion: is left free for them after our turn, though others of ours wait, who come after them', async () => {
    const grant = await atTheEndOfOurTurn();
    const waiting = await there.waitAsNumber(1, KEY);
    await untilHeard(site.server.url, LOCK);
    const again = await here.waitAsNumber(2, KEY);

    expect(await here.release(grant)).toBe(true);
    expect(await site.admin.set(LOCK, 'theirs', 'NX')).toBe('OK');
    await sleep(TURN + 100);
    expect([waiting, again].map(({ progress }) => progress.state)).toEqual(['queued', 'queued']);
    expect(await site.admin.get(LOCK)).toBe('theirs');

    await site.admin.del(LOCK);
    await Promise.all([
      granted(waiting).then((one) => there.release(one)),
      granted(again).then((one) => here.release(one)),
    ]);
    expect(await site.keys()).toEqual([]);
  });

  it('Exclusion: goes on among ours when they do not come, after 300 ms, and nobody is left behind', async () => {
    const grant = await atTheEndOfOurTurn();
    const fair = (callers: Callers): Asked => ask(callers.store, request(KEY));
    const all: [Callers, Asked][] = [];
    for (const callers of [there, here, there, here, there, here]) {
      all.push([callers, fair(callers)]);
      await here.untilWaiting(KEY, all.length);
      // Both are known to listen before the others come: who asked sooner is known to at its next question.
      if (all.length <= 2) await untilHeard(site.server.url, LOCK);
    }

    const began = performance.now();
    await here.release(grant);
    const tokens = await Promise.all(
      all.map(async ([callers, asked]) => {
        const one = await granted(asked);
        await callers.release(one);
        return one.token;
      }),
    );
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(TURN - 20);
    // Each might else wait for its next question, half a second and more.
    expect(took).toBeLessThan(TURN + SLOW);
    const ofOne = (callers: Callers): number[] => tokens.filter((_, i) => all[i]![0] === callers);
    for (const own of [ofOne(here), ofOne(there)])
      expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(new Set(tokens).size).toBe(6);
    expect(await site.keys()).toEqual([]);
  });

  it('Three answers: who does not wait has it while it is left free, and who does is told nobody holds it', async () => {
    const grant = await atTheEndOfOurTurn();
    await here.release(grant);
    const waiting = here.wait(KEY);
    await until('it waits', () => waiting.progress.state === 'queued');
    expect(waiting.progress).toEqual({ state: 'queued', holders: [] });

    const tried = await here.tryTake(KEY);
    expect(tried).not.toBeNull();
    await here.release(tried!);
    await here.release(await granted(waiting));
    expect(await site.keys()).toEqual([]);
  });

  it('No leftover: who leaves while it is left free leaves nothing', async () => {
    const grant = await atTheEndOfOurTurn();
    const waiting = await there.waitAsNumber(1, KEY);
    await untilHeard(site.server.url, LOCK);
    await here.release(grant);
    waiting.leave();
    const newcomer = here.wait(KEY);
    await until('it waits', () => newcomer.progress.state === 'queued');
    newcomer.leave();
    await sleep(TURN + 100);
    expect(await site.keys()).toEqual([]);
  });

  it('Exclusion: nobody pays where none was met: a hand-off is one, however long ours had it', async () => {
    const grant = await here.take(KEY);
    const waiting = await there.waitAsNumber(1, KEY);
    await untilHeard(site.server.url, LOCK);
    await sleep(TURN + 20);
    await here.release(grant);
    expect(await site.admin.exists(LOCK)).toBe(1);
    await there.release(await granted(waiting));
  });
});
