import fc from 'fast-check';

import { LockService } from '../../lib/lock/lock.service.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { free } from '../support/callers.js';
import { FarStore } from '../support/far-store.js';
import { ManualClock } from '../support/manual-clock.js';

const ABORTS = 200;
const KEYS = ['a', 'b', 'c'];
/** With this lease nothing that is left behind goes away by itself. */
const LEASE = 600_000;

/** Times fall on a grid of 250 µs, so that many of them meet. */
const moment = (most: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: most * 4 }).map((quarters) => quarters / 4);

const caller = fc.record({
  key: fc.constantFrom(...KEYS),
  at: moment(40),
  hold: moment(4),
  /** Ms after it asked, or how many microtasks after. */
  abort: fc.oneof(
    fc.record({ ms: moment(60) }),
    fc.record({ microtasks: fc.integer({ min: 0, max: 12 }) }),
  ),
  waitTime: fc.constantFrom(0, 5, 10_000),
  fair: fc.boolean(),
  nested: fc.boolean(),
});
type Caller = typeof caller extends fc.Arbitrary<infer T> ? T : never;

/** Plays a schedule through; how many had the lock, and how many were called off. */
async function play(
  store: MemoryStore,
  clock: ManualClock,
  callers: Caller[],
): Promise<{ had: number; calledOff: number }> {
  const locks = new LockService({ store, clock, leaseTime: LEASE });
  const inside = new Set<string>();
  const last = new Map<string, number>();
  const wrong: string[] = [];
  let settled = 0;
  let had = 0;
  let calledOff = 0;

  const pass = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

  async function work({ key, hold }: Caller, token: number): Promise<void> {
    if (inside.has(key)) wrong.push(`two inside ${key}`);
    if (token <= (last.get(key) ?? 0)) wrong.push(`token of ${key} did not grow`);
    inside.add(key);
    had += 1;
    last.set(key, token);
    await pass(hold);
    inside.delete(key);
  }

  async function call(one: Caller): Promise<void> {
    const { key, abort, waitTime, fair, nested } = one;
    const controller = new AbortController();
    const options = { signal: controller.signal, waitTime, fair };
    const asked = nested
      ? locks.using(key, options, (lock) => locks.using(key, options, () => work(one, lock.token)))
      : locks.using(key, options, (lock) => work(one, lock.token));
    const seen = asked.catch((error: unknown) => {
      const { code } = error as { code?: string };
      if (code === 'LOCK_ABORTED') calledOff += 1;
      else if (code !== 'LOCK_BUSY') wrong.push(String(error));
    });
    if ('ms' in abort) clock.after(abort.ms, () => controller.abort());
    else {
      for (let i = 0; i < abort.microtasks; i += 1) await Promise.resolve();
      controller.abort();
    }
    await seen;
    settled += 1;
  }

  for (const one of callers) clock.after(one.at, () => void call(one));
  await clock.advanceAndSettle(20_000);
  expect(wrong).toEqual([]);
  expect(settled).toBe(callers.length);
  for (const key of KEYS) {
    expect(await store.inspect(key)).toEqual(free(key));
  }
  await locks.close();
  expect(clock.pending).toBe(0);
  return { had, calledOff };
}

describe.each([
  ['from one caller to the next in the store', MemoryStore],
  ['along a queue inside the process', FarStore],
])('200 aborts at any µs of an acquisition, with locks that pass %s', (_, Store) => {
  it('No leftover, Exclusion: leave nothing and let nobody in twice', async () => {
    const callers = fc.array(caller, { minLength: ABORTS, maxLength: ABORTS });
    const property = fc.asyncProperty(callers, async (schedule) => {
      const clock = new ManualClock();
      const { had, calledOff } = await play(new Store({ clock }), clock, schedule);
      expect(had).toBeGreaterThan(ABORTS / 20);
      expect(calledOff).toBeGreaterThan(ABORTS / 4);
    });
    await fc.assert(property, { seed: 20_260_101, numRuns: 40, endOnFailure: true });
  });
});
