import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { Callers, granted } from '../support/callers.js';
import { ManualClock } from '../support/manual-clock.js';
import { watch } from '../support/until.js';

const WALL = Date.UTC(2026, 0, 1);

describe('MemoryStore', () => {
  let clock: ManualClock;
  let store: MemoryStore;
  let callers: Callers;
  beforeEach(() => {
    clock = new ManualClock({ wall: WALL });
    store = new MemoryStore({ clock });
    callers = new Callers(store);
  });

  const size = (): number => store['entries'].size;

  it('mints tokens from the wall clock in µs, and goes on when it is stepped back', async () => {
    const tokens: number[] = [];
    for (const step of [0, 0, 5_000, -60_000, 0]) {
      clock.stepWall(step);
      const grant = await callers.take('order:42');
      tokens.push(grant.token);
      await store.release(grant);
      expect(size()).toBe(0);
    }

    const later = (WALL + 5_000) * 1_000;
    expect(tokens).toEqual([WALL * 1_000, WALL * 1_000 + 1, later, later + 1, later + 2]);
  });

  it('ends leases by the monotonic clock, whatever becomes of the wall clock', async () => {
    const grant = await callers.take('order:42', 1_000);

    clock.stepWall(3_600_000);
    expect(await callers.tryTake('order:42')).toBeNull();
    clock.advance(999);
    expect(await callers.tryTake('order:42')).toBeNull();
    clock.advance(1);
    expect(await callers.tryTake('order:42')).not.toBeNull();
    expect(await store.release(grant)).toBe(false);
  });

  it('gives the lock to the first in line when it was late to see the lease end', async () => {
    await callers.take('order:42', 1_000);
    const line = [callers.wait('order:42', 1_000), callers.wait('order:42', 1_000)];
    const seen = line.map((attempt) => watch(attempt.granted));

    // An event loop that was blocked: the timer has not fired yet.
    clock.stepMono(1_500);

    expect(await callers.tryTake('order:42')).toBeNull();
    expect(seen.map(({ settled }) => settled)).toEqual([true, false]);
    expect(seen[0]!.value?.from).toEqual(clock.now());
  });

  it('serves a line of dead holders one lease after the other', async () => {
    await callers.take('order:42', 1_000);
    const line = [1, 2, 3].map(() => callers.wait('order:42', 1_000));
    const seen = line.map((attempt) => watch(attempt.granted));

    const settled: number[] = [];
    for (let second = 1; second <= 4; second += 1) {
      await clock.advanceAndSettle(1_000);
      settled.push(seen.filter((attempt) => attempt.settled).length);
    }

    expect(settled).toEqual([1, 2, 3, 3]);
    expect(await store.inspect('order:42')).toEqual({ held: undefined, waiting: 0 });
  });

  it('row 16: forgets leases that ran out and that nobody has asked about since', async () => {
    for (let index = 0; index < 1_000; index += 1) await callers.take(`order:${index}`, 50 + index);
    expect(size()).toBe(1_000);

    clock.advance(60_000);

    expect(size()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('row 16: keeps no timer for a lock that nobody waits for any more', async () => {
    const holder = await callers.take('order:42');
    expect(clock.pending).toBe(1); // the one that forgets

    const line = [callers.wait('order:42'), callers.wait('order:42'), callers.wait('order:42')];
    expect(clock.pending).toBe(2);
    line[1]!.leave();
    await store.release(holder);
    await store.release(await granted(line[0]!));
    await store.release(await granted(line[2]!));
    expect(clock.pending).toBe(1);

    clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });

  it('takes a lease that is longer than a timer can be', async () => {
    const forever = 2 ** 40;
    const holder = await callers.take('order:42', forever);
    const seen = watch(callers.wait('order:42').granted);

    await clock.advanceAndSettle(2 ** 32);
    expect(seen.settled).toBe(false);
    expect((await store.inspect('order:42')).held?.remaining).toBe(forever - 2 ** 32);
    await store.release(holder);
    await clock.advanceAndSettle(0);
    expect(seen.settled).toBe(true);
  });

  it('shortens a lease as well, also for those who wait', async () => {
    const holder = await callers.take('order:42', 60_000);
    const seen = watch(callers.wait('order:42').granted);

    await Promise.all(store.extend([{ ...holder, leaseTime: 100 }]));
    await clock.advanceAndSettle(100);

    expect(seen.settled).toBe(true);
  });

  it('says that a caller stands in line only once the caller can step out of it', () => {
    void callers.wait('order:42');
    const said: string[] = [];
    const attempt = store.acquire({
      key: 'order:42',
      leaseTime: 1_000,
      wait: true,
      waiting: () => said.push('waiting'),
    });

    expect(said).toEqual([]);
    attempt.leave();
    return Promise.resolve().then(() => {
      expect(said).toEqual([]);
    });
  });

  it('brings nobody down who was not listening when it was closed', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    try {
      void callers.wait('order:42');
      void callers.wait('order:42');
      await store.close();
      void callers.wait('order:42');
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off('unhandledRejection', unhandled);
    }

    expect(unhandled).not.toHaveBeenCalled();
    expect([size(), clock.pending]).toEqual([0, 0]);
  });

  it('keeps no process alive by a lock that is only held', () => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const real = new MemoryStore();
    void real.acquire({ key: 'order:42', leaseTime: 60_000, wait: true });

    expect(timers()).toBe(before);
    return real.close();
  });
});
