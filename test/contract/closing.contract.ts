import { StoreUnavailableError } from '../../lib/stores/lock-store.js';
import { Callers, granted, LONG, request } from '../support/callers.js';
import { Told } from '../support/told.js';
import { until } from '../support/until.js';
import type { StoreHarness } from './store-harness.js';

/** The end of a store, in the middle of everything. */
export function describeClosing(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('Three answers: those who wait are told that the store is unavailable, once', async () => {
    const holder = await there.take('order:42');
    const told = [new Told(), new Told()];
    for (const listener of told) here.store.acquire(request('order:42'), listener);
    await there.untilWaiting('order:42', 2);

    await here.store.close();

    await until('told', () => told.every(({ words }) => words.length > 0));
    expect(told.map(({ words }) => words)).toEqual([['failed'], ['failed']]);
    for (const { error } of told) expect(error).toBeInstanceOf(StoreUnavailableError);
    if (here.store !== there.store) {
      await there.untilWaiting('order:42', 0);
      expect(await there.release(holder)).toBe(true);
    }
    expect(await harness().leftovers()).toEqual([]);
  });

  it('No leftover: what was asked in the moment of closing is not granted for nobody', async () => {
    const told = new Told();
    here.store.acquire(request('order:42'), told);

    await here.store.close();

    await until('told', () => told.words.length > 0);
    // Granted before the end, or never: a holder that is told of nothing does not exist.
    if (told.words[0] === 'failed') expect(await harness().leftovers()).toEqual([]);
    expect(told.words).toHaveLength(1);
  });

  it('tells nothing to a waiter that left before', async () => {
    await there.take('order:42');
    const told = new Told();
    const attempt = here.store.acquire(request('order:42'), told);
    await there.untilWaiting('order:42', 1);

    attempt.leave();
    await here.store.close();
    attempt.leave();
    await new Promise((resolve) => setImmediate(resolve));

    expect(told.words).toEqual([]);
  });

  it('Three answers: a closed store grants nothing, and says that it is unavailable', async () => {
    await here.store.close();

    for (const wait of [true, false]) {
      const told = new Told();
      here.store.acquire(request('order:42', { wait }), told);
      expect(told.words).toEqual([]);
      await until('told', () => told.words.length > 0);
      expect(told.words).toEqual(['failed']);
      expect(told.error).toBeInstanceOf(StoreUnavailableError);
    }
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Three answers: whatever else a closed store is asked, it answers, truly or "unavailable"', async () => {
    const grant = await here.take('order:42');
    await here.store.close();

    const answers = await Promise.allSettled([
      here.extend(grant, LONG),
      here.store.inspect('order:42'),
      here.store.list(),
      here.store.forceRelease('order:42'),
      here.release(grant),
    ]);

    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(StoreUnavailableError);
    }
    // Nobody gives back what was taken from them by force.
    const [, , , forced, released] = answers;
    if (forced.status === 'fulfilled' && released.status === 'fulfilled')
      expect([forced.value, released.value]).toEqual([true, false]);
  });

  it('may be closed twice', async () => {
    await Promise.all([here.store.close(), here.store.close()]);

    await expect(here.store.close()).resolves.toBeUndefined();
  });

  it('ends what goes through this store, and leaves another process alone', async () => {
    if (here.store === there.store) {
      // One store is its whole world: there is no other.
      await here.store.close();
      expect(await harness().leftovers()).toEqual([]);
      return;
    }
    const holder = await there.take('order:42');
    const heir = await there.waitAsNumber(1, 'order:42');

    await here.store.close();

    expect(await there.extend(holder, LONG)).not.toBeNull();
    expect(await there.release(holder)).toBe(true);
    expect(await there.release(await granted(heir))).toBe(true);
  });
}
