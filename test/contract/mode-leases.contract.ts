import { EXCLUSIVE, SHARED } from '../../lib/stores/lock-mode.js';
import { Callers, free, granted, limited, LONG, SHORT } from '../support/callers.js';
import { watch } from '../support/until.js';
import { modesOf } from './modes.contract.js';
import { grantedAt, type StoreHarness } from './store-harness.js';

const KEY = 'order:42';

/** Of holders beside each other, each has a lease of its own: for a store whose leases end one by one. */
export function describeModeLeases(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('a renewal renews the lease of that reader alone', async () => {
    const dead = await here.takeAs(SHARED, KEY, SHORT);
    const living = await there.takeAs(SHARED, KEY, SHORT);
    const other = await here.takeAs(SHARED, KEY, LONG);
    expect(await there.extend(living, LONG)).toMatchObject({ leaseTime: LONG });

    await harness().pass(SHORT * 2);

    expect(await modesOf(here.store)).toEqual([SHARED, SHARED]);
    expect(await here.extend(dead, LONG)).toBeNull();
    expect(await here.release(dead)).toBe(false);
    expect(await there.tryTake(KEY)).toBeNull();
    expect(await there.extend(living, LONG)).not.toBeNull();
    expect(await there.release(living)).toBe(true);
    expect(await here.release(other)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('a renewal to a shorter lease leaves those of the others as they are', async () => {
    const long = await here.takeAs(SHARED, KEY);
    const short = await there.takeAs(SHARED, KEY);
    expect(await there.extend(short, SHORT)).toMatchObject({ leaseTime: SHORT });

    await harness().pass(SHORT * 2);

    expect(await modesOf(there.store)).toEqual([SHARED]);
    expect(await there.release(short)).toBe(false);
    expect(await here.release(long)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Dead peers: a writer enters when the last of the readers leases has ended, and not before', async () => {
    await here.takeAs(SHARED, KEY, SHORT);
    const last = await there.takeAs(SHARED, KEY, SHORT * 3);
    const writer = await here.waitAsNumber(1, KEY);

    const entering = grantedAt(harness(), writer);
    await harness().pass(SHORT * 5);
    const { grant, at } = await entering;

    expect(at).toBeGreaterThan(last.from.mono + SHORT * 3 - 1);
    expect(grant.token).toBeGreaterThan(last.token);
    expect(await here.release(grant)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Exclusion: nobody loses a permit by the shorter lease of a neighbour', async () => {
    const long = await here.takeAs(limited(3), KEY);
    const dead = await there.takeAs(limited(3), KEY, SHORT);
    const middle = await here.takeAs(limited(3), KEY, SHORT * 8);
    const next = await there.waitAsNumberAs(limited(3), 1, KEY, SHORT * 20);
    const behind = await here.waitAsNumberAs(limited(3), 2, KEY);
    const seen = watch(behind.granted);

    const entering = grantedAt(harness(), next);
    await harness().pass(SHORT * 3);
    const { grant, at } = await entering;

    expect(at).toBeGreaterThan(dead.from.mono + SHORT - 1);
    expect(seen.settled).toBe(false);
    expect(await modesOf(here.store)).toEqual([limited(3), limited(3), limited(3)]);
    expect(await there.release(dead)).toBe(false);
    expect(await here.extend(long, LONG)).not.toBeNull();
    expect(await here.extend(middle, LONG)).not.toBeNull();
    await there.release(grant);
    for (const held of [long, middle, await granted(behind)]) {
      expect(await here.release(held)).toBe(true);
    }
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Dead peers: those who wait for several permits enter when enough leases have ended', async () => {
    const living = await here.takeAs(limited(4), KEY);
    await there.takeAs(limited(4), KEY, SHORT);
    const later = await there.takeAs(limited(4, 2), KEY, SHORT * 3);
    const many = await here.waitAsNumberAs(limited(4, 3), 1, KEY);

    const entering = grantedAt(harness(), many);
    await harness().pass(SHORT * 5);
    const { grant, at } = await entering;

    expect(at).toBeGreaterThan(later.from.mono + SHORT * 3 - 1);
    expect(grant.token).toBeGreaterThan(later.lastToken);
    expect(await here.release(living)).toBe(true);
    expect(await here.release(grant)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Tokens: those of dead holders beside each other are never granted again', async () => {
    const dead = [
      await here.takeAs(limited(2), KEY, SHORT),
      await there.takeAs(limited(2), KEY, SHORT),
    ];
    await harness().pass(SHORT * 2);

    const next = await here.takeAs(limited(2), KEY);

    for (const { lastToken } of dead) expect(next.token).toBeGreaterThan(lastToken);
    await here.release(next);
  });

  it.each([
    ['the holders', false],
    ['the holders, after somebody has waited', true],
  ])('another limit may be named when the leases of %s have ended', async (_, waited) => {
    await here.takeAs(limited(3), KEY, SHORT);
    await there.takeAs(limited(3), KEY, SHORT);
    if (waited) {
      const leaver = await there.waitAsNumber(1, KEY);
      leaver.leave();
      await here.untilWaiting(KEY, 0);
    }
    await harness().pass(SHORT * 2);

    expect(await here.store.inspect(KEY)).toEqual(free(KEY));
    const other = (await there.tryAs(limited(5, 5), KEY))!;

    expect(other.mode).toEqual(limited(5, 5));
    await expect(here.tryAs(limited(3), KEY)).rejects.toThrow('limited to 5, and 3 was asked for');
    expect(await there.release(other)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('after dead limited holders a writer has the key, whose limit nobody has named', async () => {
    await here.takeAs(limited(3), KEY, SHORT);
    const leaver = await there.waitAsNumber(1, KEY);
    leaver.leave();
    await here.untilWaiting(KEY, 0);
    await harness().pass(SHORT * 2);

    const writer = (await there.tryTake(KEY))!;
    const waiter = await here.waitAsNumberAs(limited(5), 1, KEY);
    await there.release(writer);

    expect(writer.mode).toEqual(EXCLUSIVE);
    expect(await here.release(await granted(waiter))).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('a waiter keeps its place, and its mode, over all the times that it asks again', async () => {
    const holder = await here.takeAs(limited(3, 3), KEY);
    const waiter = await there.waitAsNumberAs(limited(3, 2), 1, KEY, SHORT);
    const behind = await here.waitAsNumberAs(limited(3, 2), 2, KEY, LONG);
    const seen = watch(behind.granted);

    // A short lease makes it ask often.
    await harness().pass(1_600);
    expect(await here.store.inspect(KEY)).toMatchObject({ waiting: 2, holders: [{}] });
    await here.release(holder);

    const grant = await granted(waiter);
    expect(grant.mode).toEqual(limited(3, 2));
    expect(seen.settled).toBe(false);
    expect(await there.release(grant)).toBe(true);
    expect(await here.release(await granted(behind))).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });
}
