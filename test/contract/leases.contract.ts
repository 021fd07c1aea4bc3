import type { LockMode } from '../../lib/stores/lock-mode.js';
import type { Renewal } from '../../lib/stores/lock-store.js';
import {
  ask,
  Callers,
  forged,
  free,
  granted,
  LONG,
  request,
  SHORT,
  type Asked,
} from '../support/callers.js';
import { grantedAt, type StoreHarness } from './store-harness.js';

/** How long a lock is kept, and what its holder may do with it. */
export function describeLeases(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('Dead peers: the lease of a dead holder ends: the next enters then, and not before', async () => {
    const holder = await here.take('order:42', SHORT);
    const heir = await there.waitAsNumber(1, 'order:42');

    const entering = grantedAt(harness(), heir);
    await harness().pass(SHORT * 2);
    const { grant, at } = await entering;

    // A server counts whole milliseconds.
    expect(at).toBeGreaterThan(holder.from.mono + SHORT - 1);
    expect(grant.token).toBeGreaterThan(holder.token);
    expect(await there.release(grant)).toBe(true);
  });

  it('Dead peers: a key whose lease ended with nobody waiting is free', async () => {
    await here.take('order:42', SHORT);
    await harness().pass(SHORT * 2);

    expect(await there.store.inspect('order:42')).toEqual(free('order:42'));
    expect(await there.tryTake('order:42')).not.toBeNull();
  });

  it('Dead peers: the one behind a leaver sees the lease of a dead holder end', async () => {
    await here.take('order:42', SHORT * 4);
    const first = await there.waitAsNumber(1, 'order:42');
    const second = await there.waitAsNumber(2, 'order:42');
    first.leave();
    await here.untilWaiting('order:42', 1);

    const entering = grantedAt(harness(), second);
    const start = harness().now();
    await harness().pass(SHORT * 6);
    const { grant, at } = await entering;

    expect(at - start).toBeLessThan(SHORT * 4 + 300);
    await there.release(grant);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Exclusion: the release of an expired holder never touches the next holder', async () => {
    const expired = await here.take('order:42', SHORT);
    await harness().pass(SHORT * 2);
    const next = await there.take('order:42');

    expect(await here.release(expired, expired.lastToken)).toBe(false);

    expect(await here.tryTake('order:42')).toBeNull();
    expect(await there.release(next)).toBe(true);
  });

  it('No silent loss: the renewal of an expired holder says so, and touches nobody', async () => {
    const expired = await here.take('order:42', SHORT);
    const heir = await there.waitAsNumber(1, 'order:42');
    await harness().pass(SHORT * 2);
    const next = await granted(heir);

    expect(await here.extend(expired, LONG)).toBeNull();

    expect((await here.holder('order:42'))?.remainingMs).toBeLessThanOrEqual(LONG);
    expect(await there.release(next)).toBe(true);
  });

  it('renews the leases of their owners, one answer each, in order', async () => {
    const mine = await here.take('mine', SHORT);
    const also = await here.take('also mine', SHORT);
    const taken = await there.take('taken');
    const stranger = forged(taken, { owner: mine.owner });
    const nobody = forged(mine, { key: 'nobody' });
    const leases = [mine, stranger, also, nobody].map((grant) => ({ grant, leaseTime: LONG }));

    const answers = await Promise.all(here.store.extend(leases));

    expect(answers.map((answer) => answer !== null)).toEqual([true, false, true, false]);
    expect(answers[0]!.from.mono).toBeGreaterThanOrEqual(mine.from.mono);
    expect(answers[0]!.leaseTime).toBe(LONG);
    await harness().pass(SHORT * 2);
    expect(await there.tryTake('mine')).toBeNull();
    expect(await there.tryTake('also mine')).toBeNull();
    expect(await here.store.inspect('nobody')).toEqual(free('nobody'));
    for (const lease of [mine, also]) expect(await here.release(lease)).toBe(true);
    expect(await there.release(taken)).toBe(true);
  });

  it('renews while others wait, who wait for the new end', async () => {
    const holder = await here.take('order:42', SHORT);
    const heir = await there.waitAsNumber(1, 'order:42');
    const renewed = await here.extend(holder, SHORT * 4);

    const entering = grantedAt(harness(), heir);
    await harness().pass(SHORT * 6);
    const { grant, at } = await entering;

    expect(at).toBeGreaterThan(renewed!.from.mono + SHORT * 4 - 1);
    expect(grant.token).toBeGreaterThan(holder.token);
    await there.release(grant);
  });

  it('renews a lock that was handed off to the lease that was asked for', async () => {
    const holder = await here.take('order:42');
    const heir = await there.waitAsNumber(1, 'order:42');
    await here.release(holder);
    const inherited = await granted(heir);
    expect(inherited.leaseTime).toBeLessThanOrEqual(LONG);

    expect(await there.extend(inherited, LONG)).toMatchObject({ leaseTime: LONG });

    expect((await here.holder('order:42'))?.remainingMs).toBeGreaterThan(LONG / 2);
    await there.release(inherited);
  });

  it('Exclusion: counts a lease from a moment that is not later than its start', async () => {
    /** The lease that the holder counts must not end after the one that the store counts. */
    const expectBounded = async ({ from, leaseTime }: Renewal): Promise<void> => {
      const held = await here.holder('order:42');
      const latestEnd = harness().now() + held!.remainingMs;
      // A server counts whole milliseconds.
      expect(from.mono + leaseTime).toBeLessThanOrEqual(latestEnd + 1);
      expect(from.mono).toBeLessThanOrEqual(harness().now());
    };

    const holder = await here.take('order:42', SHORT * 10);
    await expectBounded(holder);
    await expectBounded((await here.extend(holder, SHORT * 20))!);
    const heir = await there.waitAsNumber(1, 'order:42', SHORT * 10);
    await harness().pass(SHORT);
    await here.release(holder);
    const inherited = await granted(heir);
    await expectBounded(inherited);
    await there.release(inherited);
  });

  it('gives a lock back once, and says so', async () => {
    const grant = await here.take('order:42');

    expect(await here.release(grant)).toBe(true);
    expect(await here.release(grant)).toBe(false);

    const next = await there.take('order:42');
    expect(await here.release(grant)).toBe(false);
    expect(await here.tryTake('order:42')).toBeNull();
    expect(await there.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('answers two releases at once with one yes', async () => {
    const grant = await here.take('order:42');

    const answers = await Promise.all([here.release(grant), here.release(grant)]);

    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  it('Exclusion: takes no lock from its owner for one who names another', async () => {
    const grant = await here.take('order:42');
    const mine = await there.take('mine');
    const strangers = [
      forged(grant, { owner: mine.owner }),
      forged(grant, { owner: `${grant.owner}0` }),
      forged(grant, { owner: '' }),
    ];

    for (const callers of [here, there]) {
      for (const stranger of strangers) {
        expect(await callers.release(stranger)).toBe(false);
        expect(await callers.extend(stranger, 1)).toBeNull();
      }
    }

    expect((await there.holder('order:42'))?.remainingMs).toBeGreaterThan(LONG / 2);
    expect(await here.release(grant)).toBe(true);
    expect(await there.release(mine)).toBe(true);
  });

  it('goes by what a grant says: a copy of it is as good', async () => {
    const copy = forged(await here.take('order:42', SHORT), {});

    expect(await here.extend(copy, LONG)).not.toBeNull();
    expect(await here.release(copy)).toBe(true);
    expect(await there.store.inspect('order:42')).toEqual(free('order:42'));
  });

  it('Order: a release that follows a renewal at once has the last word', async () => {
    for (let round = 0; round < 20; round += 1) {
      const grant = await here.take('order:42');
      const renewed = here.extend(grant, LONG);
      const released = here.release(grant);

      expect(await renewed).not.toBeNull();
      expect(await released).toBe(true);
      expect(await there.store.inspect('order:42')).toEqual(free('order:42'));
    }
  });

  it('Order: of what a holder does in one go each step is answered as it was asked', async () => {
    const grant = await here.take('order:42', SHORT);
    const renewed = [here.extend(grant, LONG), here.extend(grant, LONG)];
    const [store, { key, mode, token }] = [here.store, grant];
    const succession = { key, mode, from: grant, lastToken: token, leaseTime: LONG };
    const succeeded = store.succeed(succession);
    const again = [here.extend(grant, LONG), here.release(grant)];

    expect(await Promise.all(renewed)).not.toContain(null);
    const heir = await succeeded;
    expect(heir).not.toBeNull();
    expect(await Promise.all(again)).toEqual([null, false]);
    const last = [here.extend(heir!, LONG), here.extend(heir!, LONG), here.release(heir!)];
    expect((await Promise.all(last)).map((answer) => answer !== null && answer !== false)).toEqual([
      true,
      true,
      true,
    ]);
    expect(await there.store.inspect('order:42')).toEqual(free('order:42'));
  });

  it('a limit ends with the last lease under it, also when nobody has looked since', async () => {
    const limited = (limit: number): LockMode => ({ kind: 'limited', limit, permits: 1 });
    const ask5 = (leaseTime: number): Asked =>
      ask(here.store, request('order:42', { mode: limited(5), leaseTime }));
    const long = await granted(ask5(LONG));
    await granted(ask5(SHORT));
    await here.release(long);
    await harness().pass(SHORT * 2);

    const other = ask(there.store, request('order:42', { mode: limited(3) }));

    expect(await there.release(await granted(other))).toBe(true);
  });
}
