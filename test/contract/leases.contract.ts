import type { Grant } from '../../lib/stores/lock-store.js';
import { Callers, granted, LONG, SHORT } from '../support/callers.js';
import { grantedAt, type StoreHarness } from './store-harness.js';

/** How long a lock is kept, and what its holder may do with it. */
export function describeLeases(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('lets an unrenewed lease end: the next in line enters, and not before', async () => {
    const holder = await here.take('order:42', SHORT);
    const heir = await there.waitAsNumber(1, 'order:42');

    const entering = grantedAt(harness(), heir);
    await harness().pass(SHORT * 2);
    const { grant, at } = await entering;

    // A server counts whole milliseconds.
    expect(at).toBeGreaterThan(holder.from.mono + SHORT - 1);
    expect(grant.token).toBeGreaterThan(holder.token);
    expect(await there.store.release(grant)).toBe(true);
  });

  it('frees a key whose lease ended with nobody waiting', async () => {
    await here.take('order:42', SHORT);
    await harness().pass(SHORT * 2);

    expect(await there.store.inspect('order:42')).toEqual({ held: undefined, waiting: 0 });
    expect(await there.tryTake('order:42')).not.toBeNull();
  });

  it('row 11: the release of an expired holder never touches the next holder', async () => {
    const expired = await here.take('order:42', SHORT);
    await harness().pass(SHORT * 2);
    const next = await there.take('order:42');

    expect(await here.store.release(expired)).toBe(false);

    expect(await here.tryTake('order:42')).toBeNull();
    expect(await there.store.release(next)).toBe(true);
  });

  it('row 11: nor does its renewal', async () => {
    const expired = await here.take('order:42', SHORT);
    const heir = await there.waitAsNumber(1, 'order:42');
    await harness().pass(SHORT * 2);
    const next = await granted(heir);

    const [renewed] = here.store.extend([{ ...expired, leaseTime: LONG }]);

    expect(await renewed).toBeNull();
    expect(await there.store.release(next)).toBe(true);
  });

  it('renews the leases of their owners, one answer each, in order', async () => {
    const mine = await here.take('mine', SHORT);
    const also = await here.take('also mine', SHORT);
    const taken = await there.take('taken');
    const stranger = { ...taken, owner: mine.owner };
    const nobody = { ...mine, key: 'nobody' };
    const leases = [mine, stranger, also, nobody].map((lease) => ({ ...lease, leaseTime: LONG }));

    const answers = await Promise.all(here.store.extend(leases));

    expect(answers.map((answer) => answer !== null)).toEqual([true, false, true, false]);
    expect(answers[0]!.mono).toBeGreaterThanOrEqual(mine.from.mono);
    await harness().pass(SHORT * 2);
    expect(await there.tryTake('mine')).toBeNull();
    expect(await there.tryTake('also mine')).toBeNull();
    expect((await here.store.inspect('nobody')).held).toBeUndefined();
    for (const lease of [mine, also]) expect(await here.store.release(lease)).toBe(true);
    expect(await there.store.release(taken)).toBe(true);
  });

  it('renews while others wait, who wait for the new end', async () => {
    const holder = await here.take('order:42', SHORT);
    const heir = await there.waitAsNumber(1, 'order:42');
    const [renewed] = await Promise.all(here.store.extend([{ ...holder, leaseTime: SHORT * 4 }]));

    const entering = grantedAt(harness(), heir);
    await harness().pass(SHORT * 6);
    const { grant, at } = await entering;

    expect(at).toBeGreaterThan(renewed!.mono + SHORT * 4 - 1);
    expect(grant.token).toBeGreaterThan(holder.token);
    await there.store.release(grant);
  });

  it('renews a lock that was handed over to the lease that was asked for', async () => {
    const holder = await here.take('order:42');
    const heir = await there.waitAsNumber(1, 'order:42');
    await here.store.release(holder);
    const inherited = await granted(heir);
    expect(inherited.leaseTime).toBeLessThanOrEqual(LONG);

    const [renewed] = there.store.extend([{ ...inherited, leaseTime: LONG }]);

    expect(await renewed).not.toBeNull();
    const { held } = await here.store.inspect('order:42');
    expect(held?.remaining).toBeGreaterThan(LONG / 2);
    await there.store.release(inherited);
  });

  it('counts a lease from a moment that is not later than its start', async () => {
    /** The lease that the holder counts must not end after the one that the store counts. */
    const expectBounded = async (grant: Grant): Promise<void> => {
      const { held } = await here.store.inspect('order:42');
      const latestEnd = harness().now() + held!.remaining;
      // A server counts whole milliseconds.
      expect(grant.from.mono + grant.leaseTime).toBeLessThanOrEqual(latestEnd + 1);
      expect(grant.from.mono).toBeLessThanOrEqual(harness().now());
    };

    const holder = await here.take('order:42', SHORT * 10);
    await expectBounded(holder);
    const heir = await there.waitAsNumber(1, 'order:42', SHORT * 10);
    await harness().pass(SHORT);
    await here.store.release(holder);
    const inherited = await granted(heir);
    await expectBounded(inherited);
    await there.store.release(inherited);
  });

  it('gives a lock back once, and says so', async () => {
    const grant = await here.take('order:42');

    expect(await here.store.release(grant)).toBe(true);
    expect(await here.store.release(grant)).toBe(false);

    const next = await there.take('order:42');
    expect(await here.store.release(grant)).toBe(false);
    expect(await here.tryTake('order:42')).toBeNull();
    expect(await there.store.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('answers two releases at once with one yes', async () => {
    const grant = await here.take('order:42');

    const answers = await Promise.all([here.store.release(grant), here.store.release(grant)]);

    expect(answers.filter(Boolean)).toHaveLength(1);
  });
}
