import type { Redis } from 'ioredis';

import { granted } from '../../support/callers.js';
import { sleep, until } from '../../support/until.js';
import { openSite, type Site } from './site.js';

const KEY = 'order:42';
const CLAIM = 100;

describe('the tokens of candidates who are passed over', () => {
  let site: Site;
  let ear: Redis;
  let told: { owner: string; token: number }[];

  beforeEach(async () => {
    site = await openSite();
    told = [];
    ear = site.admin.duplicate();
    // Hears all that is told to anybody, and is not counted as a listener of any inbox.
    await ear.psubscribe('nest-locked:inbox:*');
    ear.on('pmessage', (_pattern: string, _channel: string, message: string) => {
      const [owner = '', token] = message.split(' ');
      if (owner.includes('#')) told.push({ owner, token: Number(token) });
    });
  });
  afterEach(async () => {
    ear.disconnect();
    await site.close();
  });

  /** Waiters of as many processes, of which nothing else is there. */
  async function strangers(count: number, reach: 0 | 1, listening = false): Promise<void> {
    const first = Date.now() * 1_000 - 3_600_000_000;
    for (let i = 0; i < count; i += 1) {
      const name = `mute:${i}#${reach}`;
      if (listening) await ear.subscribe(`nest-locked:inbox:${name}`);
      await site.admin.zadd(`lock:${KEY}`, first + i, `${name}.1 ${CLAIM} ${reach}`);
    }
  }

  it.each([
    ['listen and never answer', 1, true],
    ['may or may not listen, and never answer', 0, false],
  ] as const)(
    'Tokens: those who %s are each told one of their own',
    async (_, reach, listening) => {
      const { here, there } = site;
      const holder = await there.take(KEY);
      const waiter = await here.waitAsNumber(1, KEY);
      await strangers(6, reach, listening);

      await there.release(holder);
      // Each keeps the key closed until its claim has ended and somebody asks.
      const asking = (async () => {
        while (!told.some(({ owner }) => owner.startsWith('mute:5'))) {
          await there.store.inspect(KEY);
          await there.tryTake(KEY);
          await sleep(10);
        }
      })();
      const grant = await granted(waiter);
      await asking;

      const tokens = [
        holder.token,
        ...told.filter(({ owner }) => owner.startsWith('mute')).map(({ token }) => token),
        grant.token,
      ];
      expect(tokens.length).toBeGreaterThanOrEqual(8);
      expect(new Set(tokens).size).toBe(tokens.length);
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
      expect(await here.release(grant)).toBe(true);
    },
  );

  it('Tokens: of many passed over in one call none is told anything, and the heir has one of its own', async () => {
    const { here, there } = site;
    const holder = await there.take(KEY);
    const waiter = await here.waitAsNumber(1, KEY);
    await strangers(50, 1);

    await there.release(holder);
    const grant = await granted(waiter);

    await until('it was told, or had it by asking', () => grant.token > holder.token);
    expect(told.filter(({ owner }) => owner.startsWith('mute'))).toEqual([]);
    expect(await here.release(grant)).toBe(true);
  });
});
