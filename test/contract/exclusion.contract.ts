import { hostname } from 'node:os';

import { EXCLUSIVE } from '../../lib/stores/lock-mode.js';
import { ask, Callers, free, granted, LONG, request, type Asked } from '../support/callers.js';
import { STRANGE_KEYS } from '../support/strange-keys.js';
import { Told } from '../support/told.js';
import { until } from '../support/until.js';
import type { StoreHarness } from './store-harness.js';

/** `host:pid` of this process. */
export const US = `${hostname().slice(0, 64)}:${process.pid}`;

/** Who gets a key, and in which order; what others are told meanwhile. */
export function describeExclusion(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  it('grants a free key, and says what it granted', async () => {
    const before = harness().now();

    const grant = await here.take('order:42');

    expect(grant).toMatchObject({ key: 'order:42', mode: EXCLUSIVE, holder: US, leaseTime: LONG });
    expect(grant.owner.length).toBeGreaterThan(US.length);
    expect(Number.isSafeInteger(grant.token)).toBe(true);
    expect(grant.token).toBeGreaterThan(0);
    expect(grant.from.mono).toBeGreaterThanOrEqual(before);
  });

  it('tells nothing before acquire has returned, and the answer once', async () => {
    const told = { free: new Told(), waiting: new Told(), refused: new Told() };
    harness().store.acquire(request('order:42'), told.free);
    expect(told.free.words).toEqual([]);
    await until('granted', () => told.free.words.length > 0);
    harness().store.acquire(request('order:42'), told.waiting);
    harness().other.acquire(request('order:42', { wait: false }), told.refused);
    expect([told.waiting.words, told.refused.words]).toEqual([[], []]);
    await until('refused', () => told.refused.words.length > 0);
    await here.untilWaiting('order:42', 1);
    expect(told.waiting.words).toEqual([]);

    await here.release(told.free.grant!);
    await until('handed off', () => told.waiting.words.length > 0);
    await here.release(told.waiting.grant!);
    await here.release(await here.take('order:42'));

    expect([told.free.words, told.waiting.words, told.refused.words]).toEqual([
      ['granted'],
      ['granted'],
      ['refused'],
    ]);
  });

  it('Exclusion: refuses a held key to one who does not wait, and names the holder', async () => {
    await here.take('order:42');
    const said: unknown[] = [];

    const asked = there.tryOnce('order:42');
    harness().other.acquire(request('order:42', { wait: false }), {
      granted: () => said.push('granted'),
      refused: (holders) => said.push(holders),
      failed: (error) => said.push(error),
    });

    expect(await asked.granted).toBeNull();
    await until('refused', () => said.length > 0);
    const holder = {
      holder: US,
      mode: EXCLUSIVE,
      sinceEpochMs: expect.any(Number) as number,
      remainingMs: expect.any(Number) as number,
    };
    expect(said).toEqual([[holder]]);
    expect(asked.progress).toEqual({ state: 'refused', holders: [holder] });
    const { remainingMs } = (await there.holder('order:42'))!;
    expect(remainingMs).toBeLessThanOrEqual(LONG);
    expect(remainingMs).toBeGreaterThan(0);
  });

  it('Three answers: tells a waiter who stands in the way, and owes it nothing', async () => {
    await here.take('order:42');

    const asked = await there.waitAsNumber(1, 'order:42');
    await until('queued', () => asked.progress.state === 'queued');

    expect(asked.progress).toMatchObject({ holders: [{ holder: US, mode: EXCLUSIVE }] });
    expect(asked.silence).toBeUndefined();
    asked.leave();
  });

  it('Exclusion: never lets one who does not wait past those who do', async () => {
    const first = await here.take('order:42');
    const waiting = await there.waitAsNumber(1, 'order:42');

    expect(await here.tryTake('order:42')).toBeNull();
    const trying = here.tryTake('order:42');
    const released = here.release(first);
    const late = here.tryTake('order:42');

    expect([await trying, await released, await late]).toEqual([null, true, null]);
    await there.release(await granted(waiting));
    expect(await here.store.inspect('order:42')).toEqual(free('order:42'));
  });

  it('grants in order of arrival, whichever process they come from', async () => {
    const first = await here.take('order:42');
    const queue: { callers: Callers; asked: Asked }[] = [];
    for (let place = 1; place <= 8; place += 1) {
      const callers = place % 3 === 0 ? here : there;
      queue.push({ callers, asked: await callers.waitAsNumber(place, 'order:42') });
    }

    const order: number[] = [];
    const visits = queue.map(async ({ callers, asked }, index) => {
      const grant = await granted(asked);
      order.push(index);
      await callers.release(grant);
    });
    await here.release(first);
    await Promise.all(visits);

    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('Exclusion: lets one at a time in, each with a larger token than the one before', async () => {
    const inside = new Map<string, number>();
    const tokens = new Map<string, number[]>();
    let most = 0;
    const visit = async (callers: Callers, key: string): Promise<void> => {
      const grant = await callers.take(key);
      inside.set(key, (inside.get(key) ?? 0) + 1);
      most = Math.max(most, inside.get(key) ?? 0);
      tokens.set(key, [...(tokens.get(key) ?? []), grant.token]);
      await new Promise((resolve) => setImmediate(resolve));
      inside.set(key, (inside.get(key) ?? 0) - 1);
      expect(await callers.release(grant)).toBe(true);
    };

    await Promise.all(
      Array.from({ length: 40 }, async (_, caller) => {
        for (let turn = 0; turn < 10; turn += 1) {
          await visit(caller % 2 === 0 ? here : there, `stock:${(caller + turn) % 2}`);
        }
      }),
    );

    expect(most).toBe(1);
    for (const seen of tokens.values()) {
      expect(seen).toHaveLength(200);
      expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    }
    expect(await harness().leftovers()).toEqual([]);
  });

  it('keeps different keys apart', async () => {
    const grants = await Promise.all(['a', 'b', 'a:', ':a'].map((key) => here.tryTake(key)));

    expect(grants.every((grant) => grant !== null)).toBe(true);
    expect(new Set(grants.map((grant) => grant?.owner)).size).toBe(4);
  });

  it('Exclusion: takes, waits for and releases sixty keys at once', async () => {
    const keys = Array.from({ length: 60 }, (_, index) => `order:${index}`);

    const held = await Promise.all(keys.map((key) => here.take(key)));
    const queue = keys.map((key) => there.wait(key));
    await Promise.all(keys.map((key) => here.untilWaiting(key, 1)));
    const renewed = await Promise.all(
      here.store.extend(held.map((grant) => ({ grant, leaseTime: LONG }))),
    );
    const released = await Promise.all(held.map((grant) => here.release(grant)));
    const inherited = await Promise.all(queue.map((asked) => granted(asked)));
    const refused = await Promise.all(keys.map((key) => here.tryTake(key)));
    const last = await Promise.all(inherited.map((grant) => there.release(grant)));

    expect(renewed.every((renewal) => renewal !== null)).toBe(true);
    expect(released.every(Boolean)).toBe(true);
    expect(refused.every((grant) => grant === null)).toBe(true);
    expect(last.every(Boolean)).toBe(true);
    expect(inherited.every(({ token }, index) => token > held[index]!.token)).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('takes any text for a key, and no two texts for one', async () => {
    const grants = await Promise.all(STRANGE_KEYS.map((key) => here.tryTake(key)));

    expect(grants.map((grant) => grant?.key)).toEqual(STRANGE_KEYS);
    const others = await Promise.all(STRANGE_KEYS.map((key) => there.tryTake(key)));
    expect(others.every((grant) => grant === null)).toBe(true);
    const queue = STRANGE_KEYS.map((key) => there.wait(key));
    await Promise.all(STRANGE_KEYS.map((key) => here.untilWaiting(key, 1)));
    for (const grant of grants) expect(await here.release(grant!)).toBe(true);
    for (const asked of queue) expect(await there.release(await granted(asked))).toBe(true);
    expect(await harness().leftovers()).toEqual([]);
  });

  it('Exclusion: answers all who ask for a free key at once, and grants to one', async () => {
    const asked = Array.from({ length: 50 }, (_, index) =>
      ask(index % 2 === 0 ? here.store : there.store, request('order:42', { wait: false })),
    );

    const answers = await Promise.all(asked.map((each) => each.granted));

    expect(answers.filter((grant) => grant !== null)).toHaveLength(1);
  });
}
