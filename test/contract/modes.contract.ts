import { compatible, EXCLUSIVE, SHARED, type LockMode } from '../../lib/stores/lock-mode.js';
import type { Grant, LockState, LockStore } from '../../lib/stores/lock-store.js';
import { Callers, free, granted, limited, type Asked } from '../support/callers.js';
import { watch } from '../support/until.js';
import { US } from './exclusion.contract.js';
import type { StoreHarness } from './store-harness.js';

const KEY = 'order:42';

/** The modes of all who hold the key, those with fewer permits first. */
export async function modesOf(store: LockStore, key = KEY): Promise<LockMode[]> {
  const { holders } = await store.inspect(key);
  const permits = (mode: LockMode): number => (mode.kind === 'limited' ? mode.permits : 0);
  return holders.map(({ mode }) => mode!).sort((a, b) => permits(a) - permits(b));
}

/** Who may hold a key beside whom, and in which order all are served. */
export function describeModes(harness: () => StoreHarness): void {
  let here: Callers;
  let there: Callers;
  beforeEach(() => {
    here = new Callers(harness().store);
    there = new Callers(harness().other);
  });

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  /** Gives all back; nothing of the key is left. */
  const expectNoTrace = async (
    ...grants: readonly (readonly [Callers, Grant])[]
  ): Promise<void> => {
    for (const [callers, grant] of grants) expect(await callers.release(grant)).toBe(true);
    expect(await here.store.inspect(KEY)).toEqual(free(KEY));
    expect(await harness().leftovers()).toEqual([]);
  };

  describe('who goes together', () => {
    it('Exclusion: readers of all processes hold together, and nobody else beside them', async () => {
      const first = await here.takeAs(SHARED, KEY);
      const second = await there.takeAs(SHARED, KEY);
      const third = await here.takeAs(SHARED, KEY);

      for (const callers of [here, there]) {
        expect(await callers.tryTake(KEY)).toBeNull();
        expect(await callers.tryAs(limited(5), KEY)).toBeNull();
      }
      expect([first.mode, second.mode, third.mode]).toEqual([SHARED, SHARED, SHARED]);
      expect(new Set([first, second, third].map(({ owner }) => owner)).size).toBe(3);
      await expectNoTrace([there, second], [here, first], [here, third]);
    });

    it('Exclusion: a writer is alone', async () => {
      const writer = await here.take(KEY);

      for (const callers of [here, there]) {
        for (const mode of [EXCLUSIVE, SHARED, limited(1), limited(5, 2)]) {
          expect(await callers.tryAs(mode, KEY)).toBeNull();
        }
      }
      await expectNoTrace([here, writer]);
    });

    it('Exclusion: permits are given up to the limit, several at a time, and not one more', async () => {
      const two = await here.takeAs(limited(5, 2), KEY);
      const one = await there.takeAs(limited(5), KEY);

      expect(await here.tryAs(limited(5, 3), KEY)).toBeNull();
      expect(await there.tryAs(SHARED, KEY)).toBeNull();
      expect(await there.tryTake(KEY)).toBeNull();
      const last = (await there.tryAs(limited(5, 2), KEY))!;
      expect(last.mode).toEqual(limited(5, 2));
      for (const callers of [here, there]) expect(await callers.tryAs(limited(5), KEY)).toBeNull();

      expect(await here.release(two)).toBe(true);
      expect(await there.tryAs(limited(5, 3), KEY)).toBeNull();
      const again = (await here.tryAs(limited(5, 2), KEY))!;
      await expectNoTrace([there, one], [there, last], [here, again]);
    });

    it('one may have all permits at once, and a limit may be as large as it can be', async () => {
      const most = 2 ** 31 - 1;
      const all = await here.takeAs(limited(most, most), KEY);
      expect(await there.tryAs(limited(most), KEY)).toBeNull();
      await expectNoTrace([here, all]);
      const some = await here.takeAs(limited(most, most - 1), KEY);
      const rest = (await there.tryAs(limited(most), KEY))!;
      expect(await there.tryAs(limited(most), KEY)).toBeNull();
      await expectNoTrace([here, some], [there, rest]);
    });

    it('Exclusion: a crowd of all modes is never inside but as the modes allow', async () => {
      const inside: LockMode[] = [];
      const kinds = new Map<string, number>();
      let most = 0;
      const visit = async (callers: Callers, mode: LockMode): Promise<void> => {
        const grant = await callers.takeAs(mode, KEY);
        // Said by the rule itself, before it joins them.
        expect(compatible(mode, inside)).toBe(true);
        inside.push(mode);
        most = Math.max(most, inside.length);
        kinds.set(mode.kind, (kinds.get(mode.kind) ?? 0) + 1);
        for (let i = 0; i < 3; i += 1) await turn();
        inside.splice(inside.indexOf(mode), 1);
        expect(await callers.release(grant)).toBe(true);
      };
      const modes = (n: number): LockMode =>
        [SHARED, limited(3), SHARED, EXCLUSIVE, limited(3, 2), SHARED, limited(3)][n % 7]!;

      await Promise.all(
        Array.from({ length: 28 }, async (_, caller) => {
          for (let n = 0; n < 5; n += 1) {
            await visit(caller % 2 === 0 ? here : there, modes(caller + n * 3));
          }
        }),
      );

      expect(inside).toEqual([]);
      expect([...kinds.values()].reduce((sum, n) => sum + n)).toBe(140);
      expect(most).toBeGreaterThan(1);
      await expectNoTrace();
    });
  });

  describe('one queue', () => {
    it('a writer that waits stops new readers; all of them enter together when it leaves the key', async () => {
      const reader = await here.takeAs(SHARED, KEY);
      const writer = await there.waitAsNumber(1, KEY);
      const batch = [
        await here.waitAsNumberAs(SHARED, 2, KEY),
        await there.waitAsNumberAs(SHARED, 3, KEY),
        await here.waitAsNumberAs(SHARED, 4, KEY),
      ];
      const last = await there.waitAsNumber(5, KEY);
      const seen = [...batch, last].map((asked) => watch(asked.granted));
      expect(await here.tryAs(SHARED, KEY)).toBeNull();

      await here.release(reader);
      const writing = await granted(writer);
      expect(await modesOf(here.store)).toEqual([EXCLUSIVE]);
      expect(seen.some(({ settled }) => settled)).toBe(false);
      await there.release(writing);

      const readers = await Promise.all(batch.map((asked) => granted(asked)));
      expect(await modesOf(there.store)).toEqual([SHARED, SHARED, SHARED]);
      expect(seen.at(-1)!.settled).toBe(false);
      expect(readers.every(({ token }) => token > writing.token)).toBe(true);
      for (const [i, grant] of readers.entries()) {
        expect(await (i === 1 ? there : here).release(grant)).toBe(true);
      }
      await expectNoTrace([there, await granted(last)]);
    });

    it('serves all modes in order of arrival', async () => {
      const order: number[] = [];
      const first = await here.take(KEY);
      // Neighbours that go together enter together; nobody enters before one that came before.
      const modes = [SHARED, limited(2), EXCLUSIVE, limited(2, 2), SHARED, EXCLUSIVE, limited(2)];
      const queue: Promise<void>[] = [];
      for (const [i, mode] of modes.entries()) {
        const callers = i % 2 === 0 ? there : here;
        const asked = await callers.waitAsNumberAs(mode, i + 1, KEY);
        queue.push(
          granted(asked).then(async (grant) => {
            order.push(i);
            await turn();
            await callers.release(grant);
          }),
        );
      }

      await here.release(first);
      await Promise.all(queue);

      expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
      await expectNoTrace();
    });

    it('who needs many permits is not passed by those who need few', async () => {
      const holders = [await here.takeAs(limited(3), KEY), await there.takeAs(limited(3), KEY)];
      const many = await there.waitAsNumberAs(limited(3, 3), 1, KEY);
      const few = await here.waitAsNumberAs(limited(3), 2, KEY);
      const seen = [many, few].map((asked) => watch(asked.granted));
      expect(await here.tryAs(limited(3), KEY)).toBeNull();

      await here.release(holders[0]!);
      expect((await here.store.inspect(KEY)).waiting).toBe(2);
      expect(seen.map(({ settled }) => settled)).toEqual([false, false]);
      await there.release(holders[1]!);

      const all = await granted(many);
      expect(seen[1]!.settled).toBe(false);
      await there.release(all);
      await expectNoTrace([here, await granted(few)]);
    });

    it('a release lets in all whose permits fit, and no more', async () => {
      const all = await here.takeAs(limited(4, 4), KEY);
      const queue: Asked[] = [];
      for (const [i, permits] of [1, 2, 2, 1].entries()) {
        queue.push(
          await (i % 2 === 0 ? there : here).waitAsNumberAs(limited(4, permits), i + 1, KEY),
        );
      }

      await here.release(all);
      const [one, two] = await Promise.all(queue.slice(0, 2).map((asked) => granted(asked)));
      expect(await here.store.inspect(KEY)).toMatchObject({ waiting: 2 });
      expect(await modesOf(here.store)).toEqual([limited(4, 1), limited(4, 2)]);
      await there.release(one!);
      const third = await granted(queue[2]!);
      expect(await modesOf(here.store)).toEqual([limited(4, 2), limited(4, 2)]);
      await here.release(two!);
      await expectNoTrace([there, third], [here, await granted(queue[3]!)]);
    });

    it.each([
      ['a waiting writer lets the readers behind it in', SHARED, EXCLUSIVE],
      ['who waits for many permits lets those behind it in', limited(3), limited(3, 3)],
    ])('No leftover: the leaving of %s', async (_, mode, blocking) => {
      const holder = await here.takeAs(mode, KEY);
      const leaver = await there.waitAsNumberAs(blocking, 1, KEY);
      const behind = [
        await there.waitAsNumberAs(mode, 2, KEY),
        await here.waitAsNumberAs(mode, 3, KEY),
      ];
      const last = await here.waitAsNumberAs(blocking, 4, KEY);
      const seen = watch(last.granted);

      leaver.leave();

      const [second, third] = await Promise.all(behind.map((asked) => granted(asked)));
      expect(await modesOf(there.store)).toEqual([mode, mode, mode]);
      expect(seen.settled).toBe(false);
      for (const [callers, grant] of [
        [here, holder],
        [there, second!],
        [here, third!],
      ] as const) {
        expect(await callers.release(grant)).toBe(true);
      }
      await expectNoTrace([here, await granted(last)]);
    });

    it('Exclusion: one who does not wait never gets in before those who do', async () => {
      const reader = await here.takeAs(SHARED, KEY);
      const writer = await there.waitAsNumber(1, KEY);
      const tries = [SHARED, SHARED, EXCLUSIVE].map((mode, i) =>
        (i === 1 ? there : here).tryAs(mode, KEY),
      );
      const released = here.release(reader);
      const late = there.tryAs(SHARED, KEY);

      expect(await Promise.all(tries)).toEqual([null, null, null]);
      expect([await released, await late]).toEqual([true, null]);
      await there.release(await granted(writer));

      const two = await here.takeAs(limited(3, 2), KEY);
      const many = await there.waitAsNumberAs(limited(3, 2), 1, KEY);
      for (const callers of [here, there]) expect(await callers.tryAs(limited(3), KEY)).toBeNull();
      await here.release(two);
      await expectNoTrace([there, await granted(many)]);
    });

    it('No leftover: fifty of all modes that leave at fifty moments leave nothing', async () => {
      const modes = [SHARED, limited(2), EXCLUSIVE, limited(2, 2), SHARED];
      for (let round = 0; round < 50; round += 1) {
        const holder = await there.takeAs(modes[round % 5]!, KEY);
        const asked = [0, 1, 2].map((i) => {
          const callers = (round + i) % 2 === 0 ? here : there;
          return [callers, callers.waitAs(modes[(round + i) % 5]!, KEY)] as const;
        });
        for (let i = 0; i < round % 7; i += 1) await turn();
        const released = there.release(holder);
        for (let i = 0; i < round % 4; i += 1) await turn();
        const gone = asked.map(async ([callers, attempt]) => {
          attempt.leave();
          const grant = await Promise.race([attempt.granted, Promise.resolve(null)]);
          if (grant) await callers.release(grant);
        });
        await Promise.all([released, ...gone]);
        await here.release(await here.take(KEY));
      }
      await expectNoTrace();
    });
  });

  describe('tokens', () => {
    it('Tokens: each holder has its own, and that of a later grant is larger', async () => {
      const seen: Grant[] = [];
      const take = async (callers: Callers, mode: LockMode): Promise<Grant> => {
        const grant = await callers.takeAs(mode, KEY);
        seen.push(grant);
        return grant;
      };
      const readers = [await take(here, SHARED), await take(there, SHARED)];
      await here.release(readers[0]!, readers[0]!.lastToken);
      readers[0] = await take(here, SHARED);
      for (const [i, grant] of readers.entries()) await (i ? there : here).release(grant);
      const permits = [await take(there, limited(2)), await take(here, limited(2))];
      await there.release(permits[0]!, permits[0]!.lastToken);
      permits[0] = await take(there, limited(2));
      for (const [i, grant] of permits.entries()) await (i ? here : there).release(grant);
      const writer = await take(here, EXCLUSIVE);
      await here.release(writer, writer.lastToken);
      await there.release(await take(there, SHARED));

      expect(seen).toHaveLength(8);
      seen.forEach(({ token, lastToken }, i) => {
        expect(Number.isSafeInteger(lastToken)).toBe(true);
        expect(lastToken).toBeGreaterThanOrEqual(token);
        if (i > 0) expect(token).toBeGreaterThan(seen[i - 1]!.token);
      });
      await expectNoTrace();
    });

    it('Tokens: the range of a limited holder is never granted again, however it ended', async () => {
      const ranges: Grant[] = [];
      for (let round = 0; round < 5; round += 1) {
        const held = [
          await here.takeAs(limited(3), KEY),
          await there.takeAs(limited(3), KEY),
          await here.takeAs(limited(3), KEY),
        ];
        ranges.push(...held);
        // The last of its range is used while a younger one holds; of others none is; or it is forced.
        await there.release(held[1]!, held[1]!.lastToken);
        const heir = await there.takeAs(limited(3), KEY);
        ranges.push(heir);
        if (round % 2 === 0) await here.store.forceRelease(KEY);
        else {
          for (const grant of [held[0]!, held[2]!]) await here.release(grant, grant.token);
          await there.release(heir, heir.lastToken);
        }
      }

      ranges.forEach((one, i) => {
        if (i > 0) expect(one.token).toBeGreaterThan(ranges[i - 1]!.lastToken);
      });
      await expectNoTrace();
    });

    it('Tokens: those that a released writer used are never granted again, in any mode', async () => {
      for (const mode of [SHARED, limited(4, 2), EXCLUSIVE]) {
        const writer = await here.take(KEY);
        const heir = await there.waitAsNumberAs(mode, 1, KEY);
        await here.release(writer, writer.lastToken);
        const inherited = await granted(heir);
        expect(inherited.token).toBeGreaterThan(writer.lastToken);
        await there.release(inherited, inherited.lastToken);
        // Nobody waits: the key is free in between.
        const next = await here.takeAs(mode, KEY);
        expect(next.token).toBeGreaterThan(inherited.lastToken);
        await here.release(next, next.lastToken);
      }
      await expectNoTrace();
    });
  });

  describe('another limit', () => {
    const refusal = 'limited to 3, and 5 was asked for';

    it('Three answers: is refused with both numbers, to who waits and who does not, until the key is free', async () => {
      const holder = await here.takeAs(limited(3), KEY);
      const waiter = await there.waitAsNumberAs(limited(3, 3), 1, KEY);
      for (const callers of [here, there]) {
        await expect(callers.waitAs(limited(5), KEY).granted).rejects.toThrow(refusal);
        await expect(callers.tryAs(limited(5), KEY)).rejects.toThrow(refusal);
      }
      expect(await here.store.inspect(KEY)).toMatchObject({ waiting: 1 });

      await here.release(holder);
      const all = await granted(waiter);
      await expect(here.waitAs(limited(5), KEY).granted).rejects.toThrow(refusal);
      await there.release(all);

      await expectNoTrace([here, await here.takeAs(limited(5), KEY)]);
    });

    it('Three answers: is refused as well while who named the first only waits', async () => {
      const writer = await here.take(KEY);
      const waiter = await there.waitAsNumberAs(limited(3), 1, KEY);
      await expect(here.waitAs(limited(5), KEY).granted).rejects.toThrow(refusal);

      waiter.leave();
      await here.untilWaiting(KEY, 0);
      await here.release(writer);

      await expectNoTrace([there, await there.takeAs(limited(5), KEY)]);
    });

    it('No leftover: who was refused has no place in the queue, and those behind it are served', async () => {
      const holder = await here.takeAs(limited(3, 3), KEY);
      const asked = [limited(3), limited(5), limited(3, 2), limited(4)].map((mode) =>
        there.waitAs(mode, KEY),
      );
      await here.untilWaiting(KEY, 2);
      await expect(asked[1]!.granted).rejects.toThrow(refusal);
      await expect(asked[3]!.granted).rejects.toThrow('limited to 3, and 4 was asked for');

      await here.release(holder);

      const [one, two] = await Promise.all([asked[0]!, asked[2]!].map((each) => granted(each)));
      await expectNoTrace([there, one!], [there, two!]);
    });

    it('is not named by one who was refused without waiting', async () => {
      const writer = await here.take(KEY);
      expect(await there.tryAs(limited(5), KEY)).toBeNull();
      const waiter = await there.waitAsNumberAs(limited(3), 1, KEY);

      await here.release(writer);

      await expectNoTrace([there, await granted(waiter)]);
    });

    it('is free to be named anew after a forced release', async () => {
      await here.takeAs(limited(3), KEY);
      expect(await there.store.forceRelease(KEY)).toBe(true);

      await expectNoTrace([there, await there.takeAs(limited(5), KEY)]);
    });
  });

  describe('looking in', () => {
    const stateOf = async (callers: Callers): Promise<LockState[]> => [
      await callers.store.inspect(KEY),
      ...(await callers.store.list()).locks,
    ];

    it('shows all holders, each with its mode and since when, and how many wait', async () => {
      const held = [
        [here, await here.takeAs(limited(5, 2), KEY)],
        [there, await there.takeAs(limited(5), KEY)],
        [here, await here.takeAs(limited(5, 1), KEY)],
      ] as const;
      const waiting = await there.waitAsNumber(1, KEY);

      for (const callers of [here, there]) {
        for (const { key, holders, waiting: count } of await stateOf(callers)) {
          expect([key, count]).toEqual([KEY, 1]);
          expect(holders.map(({ holder }) => holder)).toEqual([US, US, US]);
          const modes = holders.map(({ mode }) => mode!);
          expect(new Set(modes.map((mode) => JSON.stringify(mode)))).toEqual(
            new Set([limited(5, 2), limited(5)].map((mode) => JSON.stringify(mode))),
          );
          for (const { sinceEpochMs, remainingMs } of holders) {
            expect(Number.isFinite(sinceEpochMs)).toBe(true);
            expect(remainingMs).toBeGreaterThan(0);
          }
          const secret = held[0][1].owner.slice(US.length);
          expect(JSON.stringify(holders)).not.toContain(secret);
        }
      }

      waiting.leave();
      await here.untilWaiting(KEY, 0);
      await expectNoTrace(...held);
    });

    it('tells a waiter of a holder in its mode', async () => {
      const reader = await here.takeAs(SHARED, KEY);
      const writer = await there.waitAsNumber(1, KEY);
      expect(writer.progress).toMatchObject({
        state: 'queued',
        holders: [{ holder: US, mode: SHARED }],
      });
      writer.leave();
      await here.untilWaiting(KEY, 0);
      await expectNoTrace([here, reader]);
    });

    it.each([
      ['readers', SHARED],
      ['permits', limited(4)],
    ])('No silent loss: a forced release takes %s from all', async (_, mode) => {
      const held = [
        [here, await here.takeAs(mode, KEY)],
        [there, await there.takeAs(mode, KEY)],
        [there, await there.takeAs(mode, KEY)],
      ] as const;
      const writer = await here.waitAsNumber(1, KEY);
      const reader = await there.waitAsNumberAs(mode, 2, KEY);

      expect(await there.store.forceRelease(KEY)).toBe(true);

      const writing = await granted(writer);
      for (const [callers, grant] of held) {
        expect(await callers.extend(grant, 1_000)).toBeNull();
        expect(await callers.release(grant)).toBe(false);
        expect(writing.token).toBeGreaterThan(grant.lastToken);
      }
      await here.release(writing);
      await expectNoTrace([there, await granted(reader)]);
    });
  });
}
