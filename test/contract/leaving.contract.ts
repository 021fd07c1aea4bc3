import { Callers, giveUp, granted, request, type Asked } from '../support/callers.js';
import { Told } from '../support/told.js';
import { until, watch } from '../support/until.js';
import type { StoreHarness } from './store-harness.js';

/** Leaving the queue, at every moment of an attempt. */
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
    expect(await there.release(next)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  };

  it('Exclusion: a waiter that left never unlocks the holder', async () => {
    const holder = await here.take('order:42');
    const waiter = await there.waitAsNumber(1, 'order:42');

    waiter.leave();
    waiter.leave();
    await here.untilWaiting('order:42', 0);

    expect(await there.tryTake('order:42')).toBeNull();
    expect(await here.release(holder)).toBe(true);
    await expectNoTrace('order:42');
  });

  it('No leftover: leaving a free key in the moment of asking leaves nothing', async () => {
    here.wait('order:42').leave();

    await expectNoTrace('order:42');
  });

  it('No leftover: leaving a held key in the moment of asking leaves nothing', async () => {
    const holder = await there.take('order:42');
    const asked = here.wait('order:42');
    const seen = watch(asked.granted);
    asked.leave();

    await here.untilWaiting('order:42', 0);
    await there.release(holder);
    await expectNoTrace('order:42');
    expect(seen.settled).toBe(false);
  });

  it('No leftover: leaving while trying once leaves nothing', async () => {
    here.tryOnce('order:42').leave();

    await expectNoTrace('order:42');
  });

  it('No leftover: leaving the queue leaves nothing, and the others keep their order', async () => {
    const holder = await here.take('order:42');
    const queue: Asked[] = [];
    for (let place = 1; place <= 5; place += 1) {
      queue.push(await (place % 2 === 0 ? here : there).waitAsNumber(place, 'order:42'));
    }
    const seen = queue.map((asked) => watch(asked.granted));

    for (const index of [0, 2, 4]) queue[index]!.leave();
    await here.untilWaiting('order:42', 2);
    await here.release(holder);
    const second = await granted(queue[1]!);
    expect(seen[3]!.settled).toBe(false);
    await here.release(second);
    await here.release(await granted(queue[3]!));

    expect(seen.map(({ settled }) => settled)).toEqual([false, true, false, true, false]);
    await expectNoTrace('order:42');
  });

  it('No leftover: leaving in the moment of the hand-off passes the lock on', async () => {
    const holder = await here.take('order:42');
    const leaver = await there.waitAsNumber(1, 'order:42');
    const heir = await here.waitAsNumber(2, 'order:42');

    const released = here.release(holder);
    leaver.leave();

    expect(await released).toBe(true);
    expect(await here.release(await granted(heir))).toBe(true);
    await expectNoTrace('order:42');
  });

  it('No leftover: leaving after a refusal does nothing', async () => {
    const holder = await here.take('order:42');
    const refused = there.tryOnce('order:42');
    expect(await refused.granted).toBeNull();

    refused.leave();

    expect(await there.tryTake('order:42')).toBeNull();
    expect(await here.release(holder)).toBe(true);
    await expectNoTrace('order:42');
  });

  it('Exclusion: leaving after the grant was told takes nothing from the holder', async () => {
    const asked = here.wait('order:42');
    const holder = await granted(asked);

    asked.leave();

    expect(await there.tryTake('order:42')).toBeNull();
    expect(await here.release(holder)).toBe(true);
    await expectNoTrace('order:42');
  });

  it('tells nothing to one who has left, whatever it would have been', async () => {
    const holder = await here.take('held');
    const told = [new Told(), new Told(), new Told(), new Told()];
    const attempts = [
      here.store.acquire(request('free'), told[0]!),
      there.store.acquire(request('held'), told[1]!),
      there.store.acquire(request('held', { wait: false }), told[2]!),
    ];
    for (const attempt of attempts) attempt.leave();
    const waiting = there.store.acquire(request('held'), told[3]!);
    await here.untilWaiting('held', 1);
    const released = here.release(holder);
    waiting.leave();

    expect(await released).toBe(true);
    for (const key of ['free', 'held']) await expectNoTrace(key);
    expect(told.map(({ words }) => words)).toEqual([[], [], [], []]);
  });

  it('No leftover: a hundred that leave at a hundred moments leave nothing', async () => {
    for (let round = 0; round < 100; round += 1) {
      const callers = round % 2 === 0 ? here : there;
      const holder = round % 3 === 0 ? undefined : await there.take('order:42');
      const asked = ([callers, here, there] as const).map((who) => ({
        store: who.store,
        attempt: who.wait('order:42'),
      }));
      for (let turn = 0; turn < round % 7; turn += 1) await new Promise((go) => setImmediate(go));
      const released = holder === undefined ? undefined : there.release(holder);
      for (let turn = 0; turn < round % 5; turn += 1) await new Promise((go) => setImmediate(go));
      const gone = asked.map(({ store, attempt }) => giveUp(store, attempt));
      await Promise.all([released, ...gone]);
      const next = await there.take('order:42');
      await there.release(next);
    }

    await expectNoTrace('order:42');
  });

  it('No leftover: a thousand that come and leave before the store can answer leave nothing', async () => {
    const holder = await there.take('order:0');
    for (let index = 0; index < 1_000; index += 1) {
      const asked = (index % 2 === 0 ? here : there).wait(`order:${index % 20}`);
      asked.leave();
    }

    expect(await there.release(holder)).toBe(true);
    const left = async (): Promise<boolean> => (await harness().leftovers()).length === 0;
    await until('nothing left', left);
  });
}
