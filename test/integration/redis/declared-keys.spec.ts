import type { Redis } from 'ioredis';

import { granted } from '../../support/callers.js';
import { untilHeard } from '../../support/redis-probe.js';
import { STRANGE_KEYS } from '../../support/strange-keys.js';
import { until } from '../../support/until.js';
import { undeclaredKeys, type Monitored } from './monitor.js';
import { openSite, type Site } from './site.js';

/** Names of keys that only a script knows are refused by some servers, and by every Cluster. */
describe('what the scripts touch', () => {
  let site: Site;
  let monitor: Redis;
  let seen: Monitored[];

  beforeEach(async () => {
    site = await openSite();
    seen = [];
    monitor = await site.admin.monitor();
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      seen.push({ args, source });
    });
  });
  afterEach(async () => {
    monitor.disconnect();
    await site.close();
  });

  /** Everything sent so far has been seen. */
  const caughtUp = async (): Promise<void> => {
    const mark = `mark ${Math.random()}`;
    await site.admin.echo(mark);
    await until('the mark', () => seen.some(({ args }) => args[1] === mark));
  };
  const undeclared = async (): Promise<string[]> => {
    await caughtUp();
    return undeclaredKeys(seen);
  };

  const life = async (key: string): Promise<void> => {
    const { here, there } = site;
    const holder = await here.take(key);
    expect(await there.tryTake(key)).toBeNull();
    const heir = await there.waitAsNumber(1, key);
    const own = await here.waitAsNumber(2, key);
    const leaver = await there.waitAsNumber(3, key);
    expect(await here.extend(holder, 30_000)).not.toBeNull();
    leaver.leave();
    await here.untilWaiting(key, 2);
    await here.release(holder, holder.token + 5);
    const inherited = await granted(heir);
    expect(await there.extend(inherited, 30_000)).not.toBeNull();
    await there.release(inherited);
    await here.release(await granted(own));
    const short = await here.take(key, 50);
    const late = there.wait(key);
    await granted(late);
    expect(await here.release(short)).toBe(false);
    expect(await here.store.forceRelease(key)).toBe(true);
    expect(await there.extend(await granted(late), 1_000)).toBeNull();
  };

  it('Identity: is the key of the lock alone, from the first taking to the last release', async () => {
    await life('order:42');

    expect(await undeclared()).toEqual([]);
    const touched = seen.filter(({ source }) => source === 'lua');
    expect(touched.length).toBeGreaterThan(50);
    expect(await site.keys()).toEqual([]);
  });

  it('Identity: is the key of each lock alone, with many in one call and keys of any text', async () => {
    await Promise.all(STRANGE_KEYS.filter((key) => key !== '').map(life));

    expect(await undeclared()).toEqual([]);
  });

  it('Identity: is the key alone where waiters are dead, foreign or passed over', async () => {
    const { here, there, admin } = site;
    const holder = await here.take('order:42');
    await there.waitAsNumber(1, 'order:42');
    await untilHeard(site.server.url, 'lock:order:42');
    await there.store.close();
    await here.release(holder);
    await admin.set('lock:order:43', 'theirs', 'PX', 50);
    await here.release(await here.take('order:43'));
    await admin.hset('lock:order:44', 'theirs', '1');
    await expect(here.take('order:44')).rejects.toThrow('WRONGTYPE');

    expect(await undeclared()).toEqual([]);
  });

  it('is found out if a second key is touched', async () => {
    const script = "redis.call('SET', KEYS[1], 1) redis.call('DEL', KEYS[1] .. ':queue')";
    await site.admin.eval(script, 1, 'lock:order:42');

    expect(await undeclared()).toEqual(['lock:order:42:queue by DEL']);
  });
});
