import { AsyncLocalStorage } from 'node:async_hooks';

import { StoreUnavailableError } from '../../lib/stores/lock-store.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { ask, Callers, free, granted, request } from '../support/callers.js';
import { ManualClock } from '../support/manual-clock.js';
import { Told } from '../support/told.js';
import { watch } from '../support/until.js';

const WALL = Date.UTC(2026, 0, 1);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: ManualClock;
let store: MemoryStore;
let callers: Callers;
beforeEach(() => {
  clock = new ManualClock({ wall: WALL });
  store = new MemoryStore({ clock });
  callers = new Callers(store);
});

const size = (): number => store['entries'].size;

describe('MemoryStore', () => {
  it('Tokens: come from the wall clock in µs, and go on when it is stepped back', async () => {
    const tokens: number[] = [];
    for (const step of [0, 0, 5_000, -60_000, 0]) {
      clock.stepWall(step);
      const grant = await callers.take('order:42');
      tokens.push(grant.token);
      await callers.release(grant);
      expect(size()).toBe(0);
    }

    const later = (WALL + 5_000) * 1_000;
    expect(tokens).toEqual([WALL * 1_000, WALL * 1_000 + 1, later, later + 1, later + 2]);
  });

  it('Tokens: go on from the last that the holder used, also beyond what it was given', async () => {
    const holder = await callers.take('order:42');
    const usedLast = holder.token + 60_000_000;

    expect(await callers.release(holder, usedLast)).toBe(true);
    const next = await callers.take('order:42');
    expect(next.token).toBe(usedLast + 1);
    await callers.release(next, NaN);

    expect((await callers.take('order:42')).token).toBe(usedLast + 2);
  });

  it('Tokens: are raised by nobody who does not hold the lock', async () => {
    const holder = await callers.take('order:42');

    await callers.release({ ...holder, owner: 'somebody' }, Number.MAX_SAFE_INTEGER);
    await callers.release(holder);

    expect((await callers.take('order:42')).token).toBe(holder.token + 1);
  });

  it('ends leases by the monotonic clock, whatever becomes of the wall clock', async () => {
    const grant = await callers.take('order:42', 1_000);

    clock.stepWall(3_600_000);
    expect(await callers.tryTake('order:42')).toBeNull();
    clock.advance(999);
    expect(await callers.tryTake('order:42')).toBeNull();
    clock.advance(1);
    expect(await callers.tryTake('order:42')).not.toBeNull();
    expect(await callers.release(grant)).toBe(false);
  });

  it('gives the lock to the head of the queue when it was late to see the lease end', async () => {
    await callers.take('order:42', 1_000);
    const queue = [callers.wait('order:42', 1_000), callers.wait('order:42', 1_000)];
    const seen = queue.map((asked) => watch(asked.granted));

    // An event loop that was blocked: the timer has not fired yet.
    clock.stepMono(1_500);

    expect(await callers.tryTake('order:42')).toBeNull();
    expect(seen.map(({ settled }) => settled)).toEqual([true, false]);
    expect(seen[0]!.value?.from).toEqual(clock.now());
  });

  it('Dead peers: a queue of dead holders is served one lease after the other', async () => {
    await callers.take('order:42', 1_000);
    const seen = [1, 2, 3].map(() => watch(callers.wait('order:42', 1_000).granted));

    const settled: number[] = [];
    for (let second = 1; second <= 4; second += 1) {
      await clock.advanceAndSettle(1_000);
      settled.push(seen.filter((asked) => asked.settled).length);
    }

    expect(settled).toEqual([1, 2, 3, 3]);
    expect(await store.inspect('order:42')).toEqual(free('order:42'));
  });

  it('No leftover: forgets leases that ended and that nobody has asked about since', async () => {
    for (let index = 0; index < 1_000; index += 1) await callers.take(`order:${index}`, 50 + index);
    expect(size()).toBe(1_000);

    clock.advance(60_000);

    expect(size()).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('No leftover: keeps no timer for a lock that nobody waits for any more', async () => {
    const holder = await callers.take('order:42');
    expect(clock.pending).toBe(1); // the one that forgets

    const queue = [callers.wait('order:42'), callers.wait('order:42'), callers.wait('order:42')];
    expect(clock.pending).toBe(2);
    queue[1]!.leave();
    await callers.release(holder);
    await callers.release(await granted(queue[0]!));
    await callers.release(await granted(queue[2]!));
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
    expect((await callers.holder('order:42'))?.remainingMs).toBe(forever - 2 ** 32);
    await callers.release(holder);
    await clock.advanceAndSettle(0);
    expect(seen.settled).toBe(true);
  });

  it('shortens a lease as well, also for those who wait', async () => {
    const holder = await callers.take('order:42', 60_000);
    const seen = watch(callers.wait('order:42').granted);

    await callers.extend(holder, 100);
    await clock.advanceAndSettle(100);

    expect(seen.settled).toBe(true);
  });

  it('lists keys in order, and goes on where a page ended though its last key is gone', async () => {
    const grants = await Promise.all(['c', 'a', 'e', 'b', 'd'].map((key) => callers.take(key)));

    const first = await store.list({ limit: 2 });
    expect(first.locks.map(({ key }) => key)).toEqual(['a', 'b']);
    await callers.release(grants[3]!);
    await callers.take('aa');
    const second = await store.list({ limit: 2, cursor: first.cursor });
    const third = await store.list({ limit: 2, cursor: second.cursor });

    expect(second.locks.map(({ key }) => key)).toEqual(['c', 'd']);
    expect(third.locks.map(({ key }) => key)).toEqual(['e']);
    expect(third.cursor).toBeUndefined();
  });

  it('Own context: nobody is told anything in the context of another caller', async () => {
    const context = new AsyncLocalStorage<string>();
    const told: (string | undefined)[] = [];
    const note = (): unknown => told.push(context.getStore());
    const asked = (wait: boolean): void => {
      store.acquire(request('order:42', { leaseTime: 1_000, wait }), {
        granted: note,
        refused: note,
        failed: note,
      });
    };
    const holder = await context.run('holder', () => callers.take('order:42', 1_000));
    context.run('waiter', () => asked(true));
    context.run('waiter', () => asked(true));
    context.run('waiter', () => asked(true));
    context.run('refused', () => asked(false));

    context.run('releaser', () => {
      store.release(holder, holder.token, { released: note, failed: note });
    });
    await turn();
    // By a timer that a caller set, then by the end of the store.
    await clock.advanceAndSettle(1_000);
    await context.run('closer', () => store.close());
    await turn();

    expect(told).toEqual(Array(5).fill(undefined));
  });

  it('Exclusion: a grant that nobody had heard of when the store was closed is none', async () => {
    const told = new Told();
    store.acquire(request('order:42'), told);
    const closed = store.close();
    await closed;
    await turn();

    expect(told.words).toEqual(['failed']);
    expect([size(), clock.pending]).toEqual([0, 0]);
  });

  it('Three answers: a closed store says "unavailable", never that a lock is free or lost', async () => {
    const grant = await callers.take('order:42');
    await store.close();

    const answers = [
      callers.extend(grant, 1_000),
      callers.release(grant),
      store.inspect('order:42'),
      store.list(),
      store.forceRelease('order:42'),
    ];

    for (const answer of answers)
      await expect(answer).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it('brings nobody down who was not listening when it was closed', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    try {
      callers.wait('order:42');
      callers.wait('order:42');
      await store.close();
      callers.wait('order:42');
      await turn();
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
    ask(real, request('order:42'));

    expect(timers()).toBe(before);
    return real.close();
  });
});
