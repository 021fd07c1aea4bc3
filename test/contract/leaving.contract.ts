import type { Attempt } from '../../lib/stores/lock-store.js';
import { watch } from '../support/until.js';
import { Callers, granted, SHORT } from '../support/callers.js';
import { grantedAt, type StoreHarness } from './store-harness.js';

/** Stepping out of the line, at every moment of an attempt, and the end of a store. */
export function describeLeaving(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  /** Nothing of the attempt may stand in the way of others, or stay behind when they are gone. */
  const expectNoTrace = async (key: string): Promise<void> => {
    const next = await there.take(key);
    expect(await there.store.inspect(key)).toMatchObject({ waiting: 0 });
    expect(await there.store.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  };

  it('row 11: a waiter that left never unlocks the holder', async () => {
    const holder = await here.take('order:42');
    const waiter = await there.waitAsNumber(1, 'order:42');

    waiter.leave();
    waiter.leave();
    await here.untilWaiting('order:42', 0);

    expect(await there.tryTake('order:42')).toBeNull();
    expect(await here.store.release(holder)).toBe(true);
    await expectNoTrace('order:42');
  });

  it('row 12: leaving a free key in the moment of asking leaves nothing', async () => {
    const attempt = here.wait('order:42');
    attempt.leave();

    await expectNoTrace('order:42');
  });

  it('row 12: leaving a held key in the moment of asking leaves nothing', async () => {
    const holder = await there.take('order:42');
    const attempt = here.wait('order:42');
    const seen = watch(attempt.granted);
    attempt.leave();

    await here.untilWaiting('order:42', 0);
    await there.store.release(holder);
    await expectNoTrace('order:42');
    expect(seen.settled).toBe(false);
  });

  it('row 12: leaving while trying once leaves nothing', async () => {
    here.store.acquire({ key: 'order:42', leaseTime: 60_000, wait: false }).leave();

    await expectNoTrace('order:42');
  });

  it('row 12: leaving the line leaves nothing, and the others keep their order', async () => {
    const holder = await here.take('order:42');
    const line: Attempt[] = [];
    for (let place = 1; place <= 5; place += 1) {
      line.push(await (place % 2 === 0 ? here : there).waitAsNumber(place, 'order:42'));
    }
    const seen = line.map((attempt) => watch(attempt.granted));

    for (const index of [0, 2, 4]) line[index]!.leave();
    await here.untilWaiting('order:42', 2);
    await here.store.release(holder);
    const second = await granted(line[1]!);
    expect(seen[3]!.settled).toBe(false);
    await here.store.release(second);
    await here.store.release(await granted(line[3]!));

    expect(seen.map(({ settled }) => settled)).toEqual([false, true, false, true, false]);
    await expectNoTrace('order:42');
  });

  it('leaves the one behind to see the lease of a dead holder end', async () => {
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
    await there.store.release(grant);
    await expectNoTrace('order:42');
  });

  it('row 12: leaving in the moment of the hand-over passes the lock on', async () => {
    const holder = await here.take('order:42');
    const leaver = await there.waitAsNumber(1, 'order:42');
    const heir = await here.waitAsNumber(2, 'order:42');

    const released = here.store.release(holder);
    leaver.leave();

    expect(await released).toBe(true);
    expect(await here.store.release(await granted(heir))).toBe(true);
    await expectNoTrace('order:42');
  });

  it('row 12: a grant that was given and not picked up goes back', async () => {
    const holder = await here.take('order:42');
    const leaver = await there.waitAsNumber(1, 'order:42');
    await here.store.release(holder);

    // Seen from outside: the lock is the leaver's, who has not looked at it.
    leaver.leave();

    await expectNoTrace('order:42');
  });

  it('row 12: leaving after a refusal does nothing', async () => {
    const holder = await here.take('order:42');
    const refused = there.store.acquire({ key: 'order:42', leaseTime: 60_000, wait: false });
    expect(await refused.granted).toBeNull();

    refused.leave();

    expect(await there.tryTake('order:42')).toBeNull();
    expect(await here.store.release(holder)).toBe(true);
    await expectNoTrace('order:42');
  });

  it('row 12: a hundred that leave at a hundred moments leave nothing', async () => {
    for (let round = 0; round < 100; round += 1) {
      const callers = round % 2 === 0 ? here : there;
      const holder = round % 3 === 0 ? undefined : await there.take('order:42');
      const attempts = [callers.wait('order:42'), here.wait('order:42'), there.wait('order:42')];
      for (let turn = 0; turn < round % 7; turn += 1) await new Promise((go) => setImmediate(go));
      const released = holder === undefined ? undefined : there.store.release(holder);
      for (let turn = 0; turn < round % 5; turn += 1) await new Promise((go) => setImmediate(go));
      for (const attempt of attempts) attempt.leave();
      await released;
      const next = await there.take('order:42');
      await there.store.release(next);
    }

    await expectNoTrace('order:42');
  });

  it('ends those who wait when it is closed, and takes no more', async () => {
    const holder = await there.take('order:42');
    const waiting = await here.waitAsNumber(1, 'order:42');
    const refused = expect(waiting.granted).rejects.toThrow(Error);

    await here.store.close();
    await refused;

    await expect(here.wait('order:42').granted).rejects.toThrow(Error);
    await expect(here.store.close()).resolves.toBeUndefined();
    if (here.store !== there.store) {
      await there.untilWaiting('order:42', 0);
      expect(await there.store.release(holder)).toBe(true);
    }
    expect(await harness().leftovers()).toEqual([]);
  });
}
