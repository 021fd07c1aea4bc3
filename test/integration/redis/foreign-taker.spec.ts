import { granted } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';
const LOCK = `lock:${KEY}`;
/** How soon one of ours is in, whom nobody tells of a release, on a slow machine, in ms. */
const SOON = 300 + 100;

describe('another library on the key of a lock', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  /** Values that are almost ours, or nothing at all. */
  const VALUES = ['abc 123', ' ', '  12', 'host#1', '#  1', 'a#b 1', 'free x', '\r\n', '0'];

  it.each(VALUES)(
    'Exclusion: the value %j without an end keeps us out, and is never removed by us',
    async (value) => {
      const { here, there, admin } = site;
      await admin.set(LOCK, value);

      expect(await here.tryTake(KEY)).toBeNull();
      const waiters = [here.wait(KEY), there.wait(KEY)] as const;
      await until('both wait', () => waiters.every(({ progress }) => progress.state === 'queued'));
      waiters[1].leave();
      expect(await there.store.forceRelease(KEY)).toBe(false);
      await sleep(300);
      expect(await admin.get(LOCK)).toBe(value);
      expect(waiters[0].progress.state).toBe('queued');

      await admin.del(LOCK);
      const released = performance.now();
      const grant = await granted(waiters[0]);
      expect(performance.now() - released).toBeLessThan(SOON);
      expect(await here.release(grant)).toBe(true);
      expect(await site.keys()).toEqual([]);
    },
  );

  it('Exclusion: one that takes it anew after pauses of 5 ms does not keep us out for long, nor we it', async () => {
    const { here, there, admin } = site;
    const taker = admin.duplicate();
    const done = new AbortController();
    let theirs = 0;
    let inside = 0;
    let worst = 0;
    const hold = async (ms: number): Promise<void> => {
      inside += 1;
      worst = Math.max(worst, inside);
      await sleep(ms);
      inside -= 1;
    };
    const foreign = (async () => {
      while (!done.signal.aborted) {
        if (await taker.set(LOCK, 'theirs', 'PX', 5_000, 'NX')) {
          theirs += 1;
          await hold(5);
          await taker.del(LOCK);
        }
        await sleep(5);
      }
    })();
    await until('the other library is at it', () => theirs > 10);

    let ours = 0;
    const waits: number[] = [];
    await Promise.all(
      [here, there].map(async (callers) => {
        for (let turn = 0; turn < 5; turn += 1) {
          const asked = performance.now();
          const grant = await callers.take(KEY);
          waits.push(performance.now() - asked);
          ours += 1;
          await hold(2);
          expect(await callers.release(grant)).toBe(true);
        }
      }),
    );
    done.abort();
    await foreign;
    taker.disconnect();

    expect(worst).toBe(1);
    expect(ours).toBe(10);
    expect(Math.max(...waits)).toBeLessThan(5_000);
    expect(await site.keys()).toEqual([]);
  });
});
