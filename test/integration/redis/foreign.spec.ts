import { granted } from '../../support/callers.js';
import { sleep } from '../../support/until.js';
import { openSite, type Site } from './site.js';

/** How soon the next one is in after a foreign release, in ms, and what a busy machine adds. */
const SOON = 250 + 100;

const VALUES: [name: string, value: Buffer | string][] = [
  ['an empty value', ''],
  ['all bytes', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ['no UTF-8', Buffer.from([0xff, 0xfe, 0x80])],
  ['an owner without a token', 'host:1#secret.1'],
  ['an owner with a token that is none', 'host:1#secret.1 12x'],
  ['a free mark of ours, almost', 'free 12 '],
  ['a megabyte', 'x'.repeat(1_000_000)],
  ['a number', '42'],
];

describe('the lock of another library under the key', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  it.each(VALUES)(
    'Exclusion: is respected, and the next is in soon after its release: %s',
    async (_, value) => {
      const { here, there, admin } = site;
      await admin.set('lock:order:42', value);

      expect(await here.tryTake('order:42')).toBeNull();
      const holder = { holder: undefined, mode: undefined, remainingMs: Infinity };
      expect(await here.holder('order:42')).toMatchObject(holder);
      expect(await here.store.forceRelease('order:42')).toBe(false);
      const waiting = [here.wait('order:42'), there.wait('order:42')] as const;
      await sleep(300);
      expect(waiting.map(({ progress }) => progress.state)).toEqual(['queued', 'queued']);
      expect(await admin.getBuffer('lock:order:42')).toEqual(Buffer.from(value));

      let entered: number | undefined;
      const visits = [here, there].map(async (callers, i) => {
        const grant = await granted(waiting[i]!);
        entered ??= performance.now();
        return callers.release(grant);
      });
      await admin.del('lock:order:42');
      const released = performance.now();

      expect(await Promise.all(visits)).toEqual([true, true]);
      expect(entered! - released).toBeLessThan(SOON);
      expect(await site.keys()).toEqual([]);
    },
  );

  it('Exclusion: with a TTL, its end lets the next in, and not before', async () => {
    const { here, admin } = site;
    await admin.set('lock:order:42', 'theirs', 'PX', 400);
    const began = performance.now();
    const grant = await here.take('order:42');

    expect(performance.now() - began).toBeGreaterThan(380);
    expect(performance.now() - began).toBeLessThan(400 + SOON);
    await here.release(grant);
  });

  it('Exclusion: with a foreign library that keeps taking the key we are in between, alone', async () => {
    const { here, there, admin } = site;
    const done = new AbortController();
    let theirs = 0;
    let isTheirs = false;
    let ours = 0;
    const faults: string[] = [];
    const foreign = (async () => {
      while (!done.signal.aborted) {
        if (await admin.set('lock:order:42', 'theirs', 'PX', 5_000, 'NX')) {
          theirs += 1;
          isTheirs = true;
          await sleep(20);
          isTheirs = false;
          await admin.del('lock:order:42');
        }
        // As the usual libraries do between two tries.
        await sleep(20);
      }
    })();
    const own = [here, there].map(async (callers) => {
      for (let turn = 0; turn < 10; turn += 1) {
        const grant = await callers.take('order:42');
        ours += 1;
        if (isTheirs || ours > 1) faults.push(`turn ${turn}`);
        await sleep(2);
        if (isTheirs) faults.push(`turn ${turn}`);
        ours -= 1;
        await callers.release(grant);
      }
    });
    await Promise.all(own);
    done.abort();
    await foreign;

    expect(faults).toEqual([]);
    expect(theirs).toBeGreaterThan(2);
    expect(await site.keys()).toEqual([]);
  });

  it('No leftover: one that comes over a queue of ours, and goes, leaves the waiters waiting', async () => {
    const { here, there, admin } = site;
    await here.take('order:42');
    const waiting = await there.waitAsNumber(1, 'order:42', 1_500);
    await admin.set('lock:order:42', 'theirs');
    await sleep(100);
    await admin.del('lock:order:42');

    await there.release(await granted(waiting));
    expect(await site.keys()).toEqual([]);
  });
});
