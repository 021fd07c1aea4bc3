import type { Grant } from '../../lib/stores/lock-store.js';
import { Callers, granted, SHORT, type Asked } from '../support/callers.js';
import type { StoreHarness } from './store-harness.js';

/** Tokens go from one store to the other: no two processes may count for themselves. */
class Ranges {
  private readonly grants: Grant[] = [];

  note(grant: Grant): Grant {
    this.grants.push(grant);
    return grant;
  }

  /** Each grant's tokens lie above all those of the grants before it. */
  expectGrowth(count: number): void {
    expect(this.grants).toHaveLength(count);
    this.grants.forEach(({ token, lastToken }, index) => {
      expect(Number.isSafeInteger(lastToken)).toBe(true);
      expect(lastToken).toBeGreaterThanOrEqual(token);
      expect(token).toBeGreaterThan(this.grants[index - 1]?.lastToken ?? 0);
    });
  }
}

let ranges: Ranges;
let here: Callers;
let there: Callers;

function prepare(harness: () => StoreHarness): void {
  beforeEach(() => {
    ranges = new Ranges();
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });
}

/** The fencing tokens of one key, whoever holds it and however it ended. */
export function describeTokens(harness: () => StoreHarness): void {
  prepare(harness);

  it('Tokens: only grow: released, handed off, left, forgotten', async () => {
    const first = ranges.note(await here.take('order:42'));
    await here.release(first, first.lastToken);
    expect(await harness().leftovers()).toEqual([]);
    const holder = ranges.note(await there.take('order:42'));
    const heir = await here.waitAsNumber(1, 'order:42');
    await there.release(holder, holder.lastToken);
    const inherited = ranges.note(await granted(heir));
    const leaver = await there.waitAsNumber(1, 'order:42');
    leaver.leave();
    await here.untilWaiting('order:42', 0);
    await here.release(inherited, inherited.lastToken);
    expect(await harness().leftovers()).toEqual([]);
    ranges.note(await there.take('order:42'));

    ranges.expectGrowth(4);
  });

  it('Tokens: go on after the last that a holder used, for the next in the queue', async () => {
    const holder = ranges.note(await here.take('order:42'));
    const heir = await there.waitAsNumber(1, 'order:42');

    await here.release(holder, holder.lastToken);

    ranges.note(await granted(heir));
    ranges.expectGrowth(2);
  });

  it('Tokens: go on after the last that a holder used, when nobody waited', async () => {
    for (let round = 0; round < 50; round += 1) {
      const callers = round % 2 === 0 ? here : there;
      const grant = ranges.note(await callers.take('order:42'));
      expect(await callers.release(grant, grant.lastToken)).toBe(true);
    }

    ranges.expectGrowth(50);
  });

  it('Tokens: of a lock that was released by force are never granted again', async () => {
    ranges.note(await here.take('order:42'));
    expect(await there.store.forceRelease('order:42')).toBe(true);
    ranges.note(await there.take('order:42'));
    const heir = await here.waitAsNumber(1, 'order:42');
    expect(await here.store.forceRelease('order:42')).toBe(true);
    ranges.note(await granted(heir));

    ranges.expectGrowth(3);
  });

  it('Tokens: of a grant that nobody took up are never granted again', async () => {
    const holder = ranges.note(await here.take('order:42'));
    const leaver = await there.waitAsNumber(1, 'order:42');
    const heir = await here.waitAsNumber(2, 'order:42');

    const released = here.release(holder, holder.lastToken);
    leaver.leave();
    await released;

    ranges.note(await granted(heir));
    ranges.expectGrowth(2);
  });
}

/** The same when a holder dies: only for a store whose leases end one by one. */
export function describeCrashTokens(harness: () => StoreHarness): void {
  prepare(harness);

  it('Tokens: of a crashed holder are never granted again, to whom they were not', async () => {
    ranges.note(await here.take('order:42', SHORT));
    await harness().pass(SHORT * 2);
    ranges.note(await there.take('order:42', SHORT));
    const heir = await here.waitAsNumber(1, 'order:42');
    await harness().pass(SHORT * 2);
    ranges.note(await granted(heir));

    ranges.expectGrowth(3);
  });

  it('Tokens: of a row of crashed holders only grow', async () => {
    ranges.note(await here.take('order:42', SHORT));
    const queue: Asked[] = [];
    for (let place = 1; place <= 3; place += 1) {
      const callers = place % 2 === 0 ? here : there;
      queue.push(await callers.waitAsNumber(place, 'order:42', SHORT));
    }
    for (const heir of queue) {
      await harness().pass(SHORT * 2);
      ranges.note(await granted(heir));
    }

    ranges.expectGrowth(4);
  });
}

/** Of a store where a lock may go from caller to caller inside a process. */
export function describeHandOverTokens(harness: () => StoreHarness): void {
  prepare(harness);

  it('Tokens: has some for hand-overs with each grant, and takes any of them back', async () => {
    for (const used of [0, 1, 0.5]) {
      const grant = await here.take('order:42');
      expect(grant.lastToken).toBeGreaterThan(grant.token);
      const last = grant.token + Math.floor((grant.lastToken - grant.token) * used);
      expect(await here.release(grant, last)).toBe(true);
      const next = await there.take('order:42');
      expect(next.token).toBeGreaterThan(last);
      expect(await there.release(next)).toBe(true);
    }
  });
}
