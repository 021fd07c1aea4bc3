import { granted } from '../../support/callers.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';
const MANY = 10_000;
/** For how long a call keeps Redis from all others, in ms, as a rule: a busy machine may hold up some. */
const USUAL_CALL = 20;

describe('a queue with 10 000 dead waiters at its head', () => {
  let site: Site;
  beforeEach(async () => {
    site = await openSite();
  });
  afterEach(() => site.close());

  /** Puts waiters in front of all who wait, of processes that listened once and are gone. */
  async function addDead(processOf: (i: number) => string): Promise<void> {
    const members: (string | number)[] = [];
    const first = Date.now() * 1_000 - 3_600_000_000;
    for (let i = 0; i < MANY; i += 1) {
      members.push(first + i, `${processOf(i)}.${i.toString(36)} 60000 1`);
    }
    await site.admin.zadd(`lock:${KEY}`, ...members);
  }

  it.each([
    ['of one process', (): string => 'gone:1#one'],
    ['of as many processes', (i: number): string => `gone:${i}#${i}`],
  ])('Dead peers: %s: Redis serves all others meanwhile, and the live one soon', async (_, of) => {
    const { admin, here, there } = site;
    const holder = await there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY);
    await addDead(of);
    await admin.config('SET', 'slowlog-log-slower-than', '2000', 'slowlog-max-len', '1000');
    await admin.slowlog('RESET');

    const released = performance.now();
    const answer = there.release(holder);
    let pings = 0;
    const pinging = new AbortController();
    const others = (async () => {
      for (; !pinging.signal.aborted; pings += 1) await admin.ping();
    })();
    const grant = await granted(waiter);
    const took = performance.now() - released;
    pinging.abort();
    await others;

    expect(await answer).toBe(true);
    expect(took).toBeLessThan(2_000);
    // Others came in between, not only before and after.
    expect(pings).toBeGreaterThan(5);
    const slow = (await admin.slowlog('GET', 1_000)) as [number, number, number, string[]][];
    const calls = slow.filter(([, , , [name]]) => /^eval/i.test(name ?? ''));
    const times = calls.map(([, , us]) => us / 1_000).sort((a, b) => a - b);
    expect(times[times.length >> 1] ?? 0).toBeLessThan(USUAL_CALL);
    expect(await there.store.inspect(KEY)).toMatchObject({ waiting: 0 });
    expect(await here.release(grant)).toBe(true);
  });
});
