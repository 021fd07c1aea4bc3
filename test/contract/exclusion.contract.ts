import { hostname } from 'node:os';

import type { Attempt, Grant } from '../../lib/stores/lock-store.js';
import { Callers, granted, LONG, SHORT } from '../support/callers.js';
import { STRANGE_KEYS } from '../support/strange-keys.js';
import type { StoreHarness } from './store-harness.js';

/** Who gets a key, in which order, with which token; what others are told meanwhile. */
export function describeExclusion(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('grants a free key, and says what it granted', async () => {
    const grant = await here.take('order:42');

    expect(grant.key).toBe('order:42');
    expect(grant.owner).not.toBe('');
    expect(Number.isSafeInteger(grant.token)).toBe(true);
    expect(grant.token).toBeGreaterThan(0);
    expect(grant.leaseTime).toBe(LONG);
  });

  it('refuses a held key to one who does not wait, and names the holder', async () => {
    const before = Date.now();
    await here.take('order:42');

    const attempt = there.store.acquire({ key: 'order:42', leaseTime: LONG, wait: false });

    expect(await attempt.granted).toBeNull();
    const { contention } = attempt;
    expect(contention?.holder).toBe(`${hostname().slice(0, 64)}:${process.pid}`);
    expect(typeof contention?.since).toBe('number');
    if (before < (contention?.since ?? 0) + LONG)
      expect(contention?.remaining).toBeLessThanOrEqual(LONG);
    expect(contention?.remaining).toBeGreaterThan(0);
  });

  it('tells a waiter who stands in the way', async () => {
    await here.take('order:42');

    const attempt = await there.waitAsNumber(1, 'order:42');

    expect(attempt.contention?.holder).toBe(`${hostname().slice(0, 64)}:${process.pid}`);
    expect(attempt.contention?.remaining).toBeGreaterThan(0);
    attempt.leave();
  });

  it('says once that a caller stands in line, and only to one who does', async () => {
    const said: string[] = [];
    const ask = (name: string, key: string, wait: boolean): Attempt =>
      there.store.acquire({ key, leaseTime: LONG, wait, waiting: () => said.push(name) });

    const holder = await granted(ask('at once', 'order:42', true));
    await ask('refused', 'order:42', false).granted;
    const waiter = ask('in line', 'order:42', true);
    await there.untilWaiting('order:42', 1);
    await there.store.release(holder);
    await there.store.release(await granted(waiter));

    expect(said).toEqual(['in line']);
  });

  it('never lets one who does not wait past those who do', async () => {
    const first = await here.take('order:42');
    const waiting = await there.waitAsNumber(1, 'order:42');

    expect(await here.tryTake('order:42')).toBeNull();
    const trying = here.tryTake('order:42');
    await here.store.release(first);
    const late = here.tryTake('order:42');

    expect([await trying, await late]).toEqual([null, null]);
    await there.store.release(await granted(waiting));
    expect((await here.store.inspect('order:42')).waiting).toBe(0);
  });

  it('grants in order of arrival, whichever process they come from', async () => {
    const first = await here.take('order:42');
    const line: { callers: Callers; attempt: Attempt }[] = [];
    for (let place = 1; place <= 8; place += 1) {
      const callers = place % 3 === 0 ? here : there;
      line.push({ callers, attempt: await callers.waitAsNumber(place, 'order:42') });
    }

    const order: number[] = [];
    const visits = line.map(async ({ callers, attempt }, index) => {
      const grant = await granted(attempt);
      order.push(index);
      await callers.store.release(grant);
    });
    await here.store.release(first);
    await Promise.all(visits);

    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('lets one at a time in, and gives each a larger token than the one before', async () => {
    const inside = new Map<string, number>();
    const tokens = new Map<string, number[]>();
    let most = 0;
    const visit = async (callers: Callers, key: string): Promise<void> => {
      const grant = await callers.take(key);
      inside.set(key, (inside.get(key) ?? 0) + 1);
      most = Math.max(most, inside.get(key) ?? 0);
      tokens.set(key, [...(tokens.get(key) ?? []), grant.token]);
      await new Promise((resolve) => setImmediate(resolve));
      inside.set(key, (inside.get(key) ?? 0) - 1);
      expect(await callers.store.release(grant)).toBe(true);
    };

    await Promise.all(
      Array.from({ length: 40 }, async (_, caller) => {
        for (let turn = 0; turn < 10; turn += 1) {
          await visit(caller % 2 === 0 ? here : there, `stock:${(caller + turn) % 2}`);
        }
      }),
    );

    expect(most).toBe(1);
    for (const seen of tokens.values()) {
      expect(seen).toHaveLength(200);
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    }
    expect(await harness().leftovers()).toEqual([]);
  });

  it('keeps different keys apart', async () => {
    const grants = await Promise.all(['a', 'b', 'a:', ':a'].map((key) => here.tryTake(key)));

    expect(grants.every((grant) => grant !== null)).toBe(true);
    expect(new Set(grants.map((grant) => grant?.owner)).size).toBe(4);
  });

  it('mints tokens that only grow: granted, handed over, left, expired, forgotten', async () => {
    const tokens: number[] = [];
    const note = (grant: Grant): Grant => {
      tokens.push(grant.token);
      return grant;
    };

    await here.store.release(note(await here.take('order:42')));
    const holder = note(await there.take('order:42'));
    const heir = await here.waitAsNumber(1, 'order:42');
    await there.store.release(holder);
    const inherited = note(await granted(heir));
    const leaver = await there.waitAsNumber(1, 'order:42');
    leaver.leave();
    await here.untilWaiting('order:42', 0);
    await here.store.release(inherited);
    note(await there.take('order:42', SHORT));
    await harness().pass(SHORT * 2);
    await here.store.release(note(await here.take('order:42')));

    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
    expect(tokens).toHaveLength(5);
  });

  it('goes on from the token that the holder used last', async () => {
    const holder = await here.take('order:42');
    const heir = await there.waitAsNumber(1, 'order:42');
    const usedLast = holder.token + 60_000_000;

    await here.store.release({ ...holder, token: usedLast });

    const inherited = await granted(heir);
    expect(inherited.token).toBeGreaterThan(usedLast);
    await there.store.release(inherited);
  });

  it('describes a key: free, held, waited for', async () => {
    expect(await here.store.inspect('order:42')).toEqual({ held: undefined, waiting: 0 });

    const holder = await here.take('order:42');
    const held = await there.store.inspect('order:42');
    expect(held.held?.holder).toBe(`${hostname().slice(0, 64)}:${process.pid}`);
    expect(held.held?.remaining).toBeLessThanOrEqual(LONG);
    expect(held.held?.remaining).toBeGreaterThan(LONG / 2);
    expect(held.waiting).toBe(0);

    const line = [await there.waitAsNumber(1, 'order:42'), await here.waitAsNumber(2, 'order:42')];
    for (const attempt of line) attempt.leave();
    await here.untilWaiting('order:42', 0);
    await here.store.release(holder);
    expect(await here.store.inspect('order:42')).toEqual({ held: undefined, waiting: 0 });
  });

  it('row 21: takes any text for a key, and no two texts for one', async () => {
    const grants = await Promise.all(STRANGE_KEYS.map((key) => here.tryTake(key)));

    expect(grants.map((grant) => grant?.key)).toEqual(STRANGE_KEYS);
    const others = await Promise.all(STRANGE_KEYS.map((key) => there.tryTake(key)));
    expect(others.every((grant) => grant === null)).toBe(true);
    const line = STRANGE_KEYS.map((key) => there.wait(key));
    await Promise.all(STRANGE_KEYS.map((key) => here.untilWaiting(key, 1)));
    for (const grant of grants) expect(await here.store.release(grant!)).toBe(true);
    for (const attempt of line)
      expect(await there.store.release(await granted(attempt))).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });
}
