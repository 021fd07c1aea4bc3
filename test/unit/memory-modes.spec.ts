import type { LockMode } from '../../lib/stores/lock-mode.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { ask, Callers, granted, release, request, type Asked } from '../support/callers.js';
import { ManualClock } from '../support/manual-clock.js';
import { watch } from '../support/until.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: ManualClock;
let store: MemoryStore;
let callers: Callers;
beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryStore({ clock });
  callers = new Callers(store);
});

const size = (): number => store['entries'].size;

describe('modes in the MemoryStore', () => {
  const shared: LockMode = { kind: 'shared' };
  const limited = (limit: number, permits = 1): LockMode => ({ kind: 'limited', limit, permits });
  const wait = (mode?: LockMode, leaseTime = 60_000): Asked =>
    ask(store, request('order:42', mode ? { mode, leaseTime } : { leaseTime }));
  const tryOnce = (mode: LockMode): Promise<unknown> =>
    ask(store, request('order:42', { mode, wait: false })).granted;
  const settled = async (asked: readonly Asked[]): Promise<boolean[]> => {
    const seen = asked.map((one) => watch(one.granted));
    await turn();
    return seen.map((one) => one.settled);
  };

  it('readers hold together, each with a lease and a token of its own', async () => {
    const first = await granted(wait(shared, 1_000));
    clock.advance(600);
    const second = await granted(wait(shared, 1_000));
    expect(second.token).toBeGreaterThan(first.token);
    expect((await store.inspect('order:42')).holders).toMatchObject([
      { mode: shared, remainingMs: 400 },
      { mode: shared, remainingMs: 1_000 },
    ]);

    clock.advance(400);

    expect((await store.inspect('order:42')).holders).toMatchObject([{ remainingMs: 600 }]);
    expect(await release(store, first)).toBe(false);
    expect(await callers.extend(second, 2_000)).not.toBeNull();
    expect(await release(store, second)).toBe(true);
    expect(size()).toBe(0);
  });

  it('Exclusion: a writer waits for all readers, and keeps later readers behind it', async () => {
    const readers = [await granted(wait(shared)), await granted(wait(shared))];
    const queue = [wait(), wait(shared), wait(shared), wait()];

    expect(await tryOnce(shared)).toBeNull();
    expect(await settled(queue)).toEqual([false, false, false, false]);
    await release(store, readers[0]!);
    expect(await settled(queue)).toEqual([false, false, false, false]);
    await release(store, readers[1]!);
    expect(await settled(queue)).toEqual([true, false, false, false]);
    await release(store, await granted(queue[0]!));
    expect(await settled(queue)).toEqual([true, true, true, false]);
    expect((await store.inspect('order:42')).holders).toHaveLength(2);
  });

  it('readers enter when the writer before them leaves the queue', async () => {
    await granted(wait(shared));
    const [writer, reader] = [wait(), wait(shared)];
    expect(await settled([writer, reader])).toEqual([false, false]);

    writer.leave();

    expect(await settled([writer, reader])).toEqual([false, true]);
  });

  it('Dead peers: one dead reader among the living holds a writer up for its own lease', async () => {
    await granted(wait(shared, 1_000));
    const living = await granted(wait(shared, 5_000));
    const writer = wait();
    await clock.advanceAndSettle(4_000);
    expect((await store.inspect('order:42')).holders).toHaveLength(1);
    expect(await settled([writer])).toEqual([false]);

    await release(store, living);

    expect(await settled([writer])).toEqual([true]);
  });

  it('Exclusion: no more permits are out than the limit, and who needs many is not passed', async () => {
    const holders = [await granted(wait(limited(3))), await granted(wait(limited(3)))];
    const queue = [wait(limited(3, 2)), wait(limited(3))];

    expect(await tryOnce(limited(3))).toBeNull();
    expect(await settled(queue)).toEqual([false, false]);
    await release(store, holders[0]!);
    expect(await settled(queue)).toEqual([true, false]);
    await release(store, holders[1]!);
    expect(await settled(queue)).toEqual([true, true]);
  });

  it('a permit whose lease ends goes to the next in the queue', async () => {
    await granted(wait(limited(2), 1_000));
    await granted(wait(limited(2)));
    const next = wait(limited(2));

    await clock.advanceAndSettle(999);
    expect(await settled([next])).toEqual([false]);
    await clock.advanceAndSettle(1);
    expect(await settled([next])).toEqual([true]);
  });

  it('one who names another limit is refused with both, until the key is free', async () => {
    const holder = await granted(wait(limited(3)));
    await expect(wait(limited(5)).granted).rejects.toThrow(
      'LIMIT the key of the lock is limited to 3, and 5 was asked for',
    );

    await release(store, holder);

    await release(store, await granted(wait(limited(5))));
  });

  it('a forced release takes the lock from all holders', async () => {
    const readers = [await granted(wait(shared)), await granted(wait(shared))];
    const writer = wait();

    expect(await store.forceRelease('order:42')).toBe(true);

    expect(await settled([writer])).toEqual([true]);
    for (const reader of readers) expect(await release(store, reader)).toBe(false);
  });
});
