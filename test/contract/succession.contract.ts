import { EXCLUSIVE, SHARED } from '../../lib/stores/lock-mode.js';
import type { Grant, Succession } from '../../lib/stores/lock-store.js';
import { Callers, free, granted, limited, LONG, SHORT } from '../support/callers.js';
import { watch } from '../support/until.js';
import { modesOf } from './modes.contract.js';
import { grantedAt, type StoreHarness } from './store-harness.js';

const KEY = 'order:42';

/** What goes on from a grant, as it was unless the changes say otherwise. */
function after(grant: Grant, changes: Partial<Succession> = {}): Succession {
  const { key, mode, owner, token, lastToken } = grant;
  return { key, from: { owner, token }, lastToken, mode, leaseTime: LONG, ...changes };
}

/** A held lock goes on under another owner. */
export function describeSuccession(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('Exclusion: a writer goes on as a reader without a gap, and readers come in beside it', async () => {
    const writer = await here.take(KEY);
    const queue = [
      await there.waitAsNumberAs(SHARED, 1, KEY),
      await here.waitAsNumberAs(SHARED, 2, KEY),
    ];
    const next = await there.waitAsNumber(3, KEY);
    const seen = watch(next.granted);

    const reader = (await here.store.succeed(after(writer, { mode: SHARED })))!;

    expect(reader).toMatchObject({ key: KEY, mode: SHARED, leaseTime: LONG });
    expect(reader.token).toBeGreaterThan(writer.lastToken);
    const [one, two] = await Promise.all(queue.map((asked) => granted(asked)));
    for (const { token } of [one!, two!]) expect(token).toBeGreaterThan(reader.token);
    expect(await modesOf(there.store)).toEqual([SHARED, SHARED, SHARED]);
    expect(seen.settled).toBe(false);
    expect(await here.extend(writer, LONG)).toBeNull();
    expect(await here.release(writer)).toBe(false);
    expect(await here.extend(reader, LONG)).not.toBeNull();
    expect(await here.release(reader)).toBe(true);
    expect(await there.release(one!)).toBe(true);
    expect(await here.release(two!)).toBe(true);
    expect(await there.release(await granted(next))).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Exclusion: without anybody waiting it is a reader all the same', async () => {
    const writer = await here.take(KEY);
    const reader = (await here.store.succeed(after(writer, { mode: SHARED })))!;

    expect(await there.tryTake(KEY)).toBeNull();
    const other = (await there.tryAs(SHARED, KEY))!;
    expect(other.token).toBeGreaterThan(reader.token);
    expect(await here.release(reader)).toBe(true);
    expect(await there.release(other)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it.each([
    ['a writer', EXCLUSIVE],
    ['a reader', SHARED],
    ['permits', limited(5, 2)],
  ])('Tokens: another process takes over from %s, with a larger one, once', async (_, mode) => {
    const grant = await here.takeAs(mode, KEY);

    const taken = (await there.store.succeed(after(grant)))!;

    expect(taken).toMatchObject({ key: KEY, mode });
    expect(taken.token).toBeGreaterThan(grant.lastToken);
    expect(taken.owner).not.toBe(grant.owner);
    expect(await modesOf(here.store)).toEqual([mode]);
    // Whoever comes second, with the same words, is told so, and takes nothing from anybody.
    for (const callers of [here, there]) {
      expect(await callers.store.succeed(after(grant))).toBeNull();
      expect(await callers.extend(grant, LONG)).toBeNull();
      expect(await callers.release(grant)).toBe(false);
    }
    expect(await here.tryAs(limited(5, 4), KEY)).toBeNull();
    expect(await there.extend(taken, LONG)).not.toBeNull();
    expect(await there.release(taken)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Tokens: two who take over at once are one who does and one who does not', async () => {
    const grant = await here.take(KEY);

    const answers = await Promise.all(
      [here, there].map((callers) => callers.store.succeed(after(grant))),
    );

    expect(answers.filter((one) => one !== null)).toHaveLength(1);
    const taken = answers.find((one) => one !== null)!;
    expect(await (answers[0] ? here : there).release(taken)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('those who wait go on waiting while the lock goes from process to process', async () => {
    const first = await here.take(KEY);
    const heir = await here.waitAsNumber(1, KEY);
    const seen = watch(heir.granted);

    const second = (await there.store.succeed(after(first)))!;
    const third = (await here.store.succeed(after(second)))!;

    expect(await here.store.inspect(KEY)).toMatchObject({ waiting: 1 });
    expect(await modesOf(here.store)).toEqual([EXCLUSIVE]);
    expect(seen.settled).toBe(false);
    expect(third.token).toBeGreaterThan(second.lastToken);
    expect(await here.release(third, third.lastToken)).toBe(true);
    const next = await granted(heir);
    expect(next.token).toBeGreaterThan(third.lastToken);
    expect(await here.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('takes the place of one holder among several, and no more', async () => {
    const held = [
      await here.takeAs(limited(5, 2), KEY),
      await there.takeAs(limited(5), KEY),
      await here.takeAs(limited(5, 2), KEY),
    ];

    const taken = (await there.store.succeed(after(held[0]!)))!;

    expect(await modesOf(here.store)).toEqual([limited(5), limited(5, 2), limited(5, 2)]);
    for (const { lastToken } of held) expect(taken.token).toBeGreaterThan(lastToken);
    expect(await here.tryAs(limited(5), KEY)).toBeNull();
    for (const [callers, grant] of [
      [there, taken],
      [there, held[1]!],
      [here, held[2]!],
    ] as const) {
      expect(await callers.release(grant)).toBe(true);
    }
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Exclusion: takes nothing over from one who holds nothing', async () => {
    const grant = await here.take(KEY);
    const mine = await there.take('mine');

    for (const callers of [here, there]) {
      for (const from of [
        { owner: mine.owner, token: grant.token },
        { owner: `${grant.owner}0`, token: grant.token },
        { owner: '', token: grant.token },
      ]) {
        expect(await callers.store.succeed(after(grant, { from }))).toBeNull();
      }
      expect(await callers.store.succeed(after(grant, { key: 'nobody' }))).toBeNull();
    }

    expect(await here.extend(grant, LONG)).not.toBeNull();
    expect(await here.release(grant)).toBe(true);
    expect(await here.store.succeed(after(grant))).toBeNull();
    expect(await there.release(mine)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('No silent loss: after a forced release there is nothing to take over', async () => {
    const grant = await here.take(KEY);
    const heir = await here.waitAsNumber(1, KEY);
    await here.store.forceRelease(KEY);

    expect(await there.store.succeed(after(grant, { mode: SHARED }))).toBeNull();

    expect(await modesOf(there.store)).toEqual([EXCLUSIVE]);
    expect(await here.release(await granted(heir))).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });
}

/** When a lock ends that was taken over, or is kept: for a store whose leases end one by one. */
export function describeKeeping(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('after the end of its lease there is nothing to take over', async () => {
    const grant = await here.take(KEY, SHORT);
    await harness().pass(SHORT * 2);

    expect(await there.store.succeed(after(grant))).toBeNull();

    expect(await there.store.inspect(KEY)).toEqual(free(KEY));
    expect(await harness().leftovers()).toEqual([]);
  });

  it('what was taken over has the lease that was asked for, whatever was left of the other', async () => {
    const short = await here.take('short', SHORT);
    const longer = (await there.store.succeed(after(short)))!;
    const long = await here.take('long', LONG);
    await there.store.succeed(after(long, { leaseTime: SHORT }));

    await harness().pass(SHORT * 2);

    expect((await here.holder('short'))?.remainingMs).toBeGreaterThan(LONG / 2);
    expect(await here.store.inspect('long')).toEqual(free('long'));
    expect(longer.leaseTime).toBe(LONG);
    expect(await there.release(longer)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('a released lock that is kept is nobody elses until then, and not longer', async () => {
    const grant = await here.take(KEY);
    const before = harness().now();

    expect(await here.release(grant, grant.lastToken, SHORT * 4)).toBe(true);
    const after = harness().now();

    for (const mode of [EXCLUSIVE, SHARED, limited(2)]) {
      expect(await there.tryAs(mode, KEY)).toBeNull();
    }
    expect((await there.holder(KEY))!.remainingMs).toBeLessThanOrEqual(SHORT * 4);
    const heir = there.wait(KEY);
    const entering = grantedAt(harness(), heir);
    await harness().pass(SHORT * 5);
    const { grant: next, at } = await entering;
    expect(at).toBeGreaterThan(before + SHORT * 4 - 1);
    expect(at).toBeLessThan(after + SHORT * 4 + 300);
    expect(next.token).toBeGreaterThan(grant.lastToken);
    expect(await there.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('a lock is kept longer than its lease when it is released so', async () => {
    const grant = await here.take(KEY, SHORT);
    expect(await here.release(grant, grant.token, LONG)).toBe(true);

    await harness().pass(SHORT * 2);

    expect(await there.tryTake(KEY)).toBeNull();
    expect(await there.store.forceRelease(KEY)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('a permit that is kept is nobody elses, and those of its neighbours are as they were', async () => {
    const kept = await here.takeAs(limited(3, 2), KEY);
    const other = await there.takeAs(limited(3), KEY);
    expect(await here.release(kept, kept.lastToken, SHORT * 4)).toBe(true);
    expect(await there.release(other)).toBe(true);
    expect(await there.tryAs(limited(3, 2), KEY)).toBeNull();
    const one = (await there.tryAs(limited(3), KEY))!;

    await harness().pass(SHORT * 6);

    const two = (await here.tryAs(limited(3, 2), KEY))!;
    expect(two.token).toBeGreaterThan(kept.lastToken);
    expect(await there.release(one)).toBe(true);
    expect(await here.release(two)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('No silent loss: who keeps a lock that it has lost is told so, and keeps nothing', async () => {
    const grant = await here.take(KEY, SHORT);
    await harness().pass(SHORT * 2);
    const next = await there.take(KEY);

    expect(await here.release(grant, grant.token, LONG)).toBe(false);

    expect(await there.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });
}
