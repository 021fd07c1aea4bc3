import { granted } from '../../support/callers.js';
import { commandCounts, resetCommands } from '../../support/redis-probe.js';
import { sleep, until } from '../../support/until.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';
const LOCK = `lock:${KEY}`;
/** How soon one of ours is in, whom nobody tells of a release, in ms, and what a slow machine adds. */
const SOON = 250 + 750;

/** What others keep, what is almost ours, and nothing at all. */
const VALUES: [name: string, value: Buffer | string][] = [
  ['an empty value', ''],
  ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ['no UTF-8', Buffer.from([0xff, 0xfe, 0x80])],
  ['a megabyte', 'x'.repeat(1_000_000)],
  ['an owner without a token', 'host:1#secret.1'],
  ['an owner with a token that is none', 'host:1#secret.1 12x'],
  ['a free mark of ours, almost', 'free 12 '],
  ...['42', '0', 'abc 123', ' ', '  12', 'host#1', '#  1', 'a#b 1', 'free x', '\r\n'].map(
    (value): [string, string] => [JSON.stringify(value), value],
  ),
];

describe('the lock of another library under the key', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  it.each(VALUES)(
    'Exclusion: keeps us out, is never removed by us, and the next is in soon after its release: %s',
    async (_, value) => {
      const { here, there, admin, server } = site;
      await admin.set(LOCK, value);

      expect(await here.tryTake(KEY)).toBeNull();
      const holder = { holder: undefined, mode: undefined, remainingMs: Infinity };
      expect(await here.holder(KEY)).toMatchObject(holder);
      expect(await here.store.forceRelease(KEY)).toBe(false);
      const waiting = [here.wait(KEY), there.wait(KEY)] as const;
      const leaver = there.wait(KEY);
      await until('all wait', () =>
        [...waiting, leaver].every(({ progress }) => progress.state === 'queued'),
      );
      leaver.leave();
      expect(await there.store.forceRelease(KEY)).toBe(false);
      await resetCommands(server.url);
      await until('asked again and again', async () => {
        return ((await commandCounts(server.url)).get('evalsha') ?? 0) >= 4;
      });
      expect(waiting.map(({ progress }) => progress.state)).toEqual(['queued', 'queued']);
      expect((await admin.getBuffer(LOCK))?.equals(Buffer.from(value))).toBe(true);

      let entered: number | undefined;
      const visits = [here, there].map(async (callers, i) => {
        const grant = await granted(waiting[i]!);
        entered ??= performance.now();
        return callers.release(grant);
      });
      await admin.del(LOCK);
      const released = performance.now();

      expect(await Promise.all(visits)).toEqual([true, true]);
      expect(entered! - released).toBeLessThan(SOON);
      expect(await site.keys()).toEqual([]);
    },
  );

  it('Exclusion: with a TTL, its end lets the next in, and not before', async () => {
    const { here, admin } = site;
    await admin.set(LOCK, 'theirs', 'PX', 400);
    const began = performance.now();
    const grant = await here.take(KEY);

    expect(performance.now() - began).toBeGreaterThan(380);
    expect(performance.now() - began).toBeLessThan(400 + SOON);
    await here.release(grant);
  });

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

  it('No leftover: one that comes over a queue of ours, and goes, leaves the waiters waiting', async () => {
    const { here, there, admin } = site;
    await here.take(KEY);
    const waiting = await there.waitAsNumber(1, KEY, 1_500);
    await admin.set(LOCK, 'theirs');
    await sleep(100);
    await admin.del(LOCK);

    await there.release(await granted(waiting));
    expect(await site.keys()).toEqual([]);
  });
});
