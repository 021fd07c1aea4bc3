import {
  LockBusyError,
  LockLostError,
  LockRefusedError,
  LockUsageError,
  detailOf,
} from '../../../lib/lock/lock.errors.js';
import type { Lock } from '../../../lib/lock/lock.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import type { ExtendRequest, Grant, Renewal, Succession } from '../../../lib/stores/lock-store.js';
import { MemoryStore } from '../../../lib/stores/memory/memory-store.js';
import { Gate, Stage } from '../../support/gate.js';
import { ManualClock } from '../../support/manual-clock.js';
import { untilHeard } from '../../support/redis-probe.js';
import { until, watch } from '../../support/until.js';
import { withTwoPods, problemOf, untilWaiting, type Pod, type Pods } from './pods.js';

const KEY = 'order:42';
const SHARED = { mode: 'shared' } as const;
/** Long enough that only the count of hand-overs bounds them. */
const FOREVER = 1_000_000;

describe('modes of a lock, with two services', () => {
  let pods: Pods;
  let here: Pod;
  let there: Pod;
  withTwoPods((...opened) => ([pods, here, there] = opened));

  const holders = async (): Promise<number> => (await there.store.inspect(KEY)).holders.length;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const releaseAll = async (locks: readonly Lock[]): Promise<void> => {
    for (const lock of locks) expect(await lock.release()).toBe(true);
  };

  describe('readers of one process', () => {
    it('a thousand of them cost the store one holder, and one call to come in', async () => {
      const before = await pods.scriptCalls();

      const readers = await Promise.all(
        Array.from({ length: 1_000 }, () => here.locks.acquire(KEY, SHARED)),
      );
      const calls = (await pods.scriptCalls()) - before;

      expect(calls).toBe(1);
      expect(await holders()).toBe(1);
      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      const last = readers.pop()!;
      await releaseAll(readers);
      // As long as one reads, nobody writes.
      expect(await there.locks.tryAcquire(KEY)).toBeNull();
      expect(last.isHeld()).toBe(true);
      await releaseAll([last]);
      expect(await pods.keys()).toEqual([]);
    });

    it('No silent loss: all who hold through one lease lose it together', async () => {
      const readers = await Promise.all([1, 2, 3].map(() => here.locks.acquire(KEY, SHARED)));
      const signals = readers.map(({ signal }) => signal);
      const remote = await there.locks.acquire(KEY, SHARED);
      await releaseAll([readers.pop()!]);
      await there.locks.forceRelease(KEY);

      await expect(readers[0]!.extend()).rejects.toThrow(LockLostError);

      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
      for (const reader of readers) expect(await reader.release()).toBe(false);
      await expect(remote.extend()).rejects.toThrow(LockLostError);
    });

    it('join a lease within the hand-over bound only, so that a writer elsewhere is not starved', async () => {
      const bound = 5;
      const pod = await pods.open({ handOver: { count: bound, time: FOREVER } });
      const first = await pod.locks.acquire(KEY, SHARED);
      const writing = there.locks.acquire(KEY);
      await untilWaiting(there, KEY, 1);

      // Without a pause: each comes before the one before it has gone.
      const inside = [first];
      const order: string[] = [];
      let reading: Promise<Lock> | undefined;
      for (let i = 0; i < bound + 3; i += 1) {
        reading = pod.locks.acquire(KEY, SHARED);
        const seen = watch(reading);
        await turn();
        if (!seen.value) break;
        inside.push(seen.value);
      }

      expect(inside).toHaveLength(1 + bound);
      expect(await holders()).toBe(1);
      await untilWaiting(there, KEY, 2);
      const late = reading!.then((lock) => {
        order.push('reader');
        return lock;
      });
      await releaseAll(inside);
      const writer = await writing;
      order.push('writer');
      expect(writer.token).toBeGreaterThan(inside[0]!.token);
      await releaseAll([writer]);
      await releaseAll([await late]);
      expect(order).toEqual(['writer', 'reader']);
    });

    it('without a pause, in two processes, let every writer in after those who came before it', async () => {
      const bound = 4;
      const readers = await Promise.all(
        [1, 2].map(() => pods.open({ handOver: { count: bound, time: FOREVER } })),
      );
      let ended = false;
      let reads = 0;
      const reading = readers.flatMap(({ locks }) =>
        Array.from({ length: 4 }, async () => {
          while (!ended) {
            await locks.using(KEY, SHARED, async () => {
              reads += 1;
              await turn();
            });
          }
        }),
      );
      await until('they read', () => reads > 20);

      const waits: number[] = [];
      for (let i = 0; i < 10; i += 1) {
        const before = reads;
        await there.locks.using(KEY, () => {
          waits.push(reads - before);
        });
      }
      ended = true;
      await Promise.all(reading);

      // Those inside, those who join their leases, and those who came to Redis while the writer did.
      expect(Math.max(...waits)).toBeLessThan(100);
    });

    it('a writer of the same process is in the queue of the store at once', async () => {
      const readers = await Promise.all([1, 2].map(() => here.locks.acquire(KEY, SHARED)));

      const writing = here.locks.acquire(KEY);
      await untilWaiting(there, KEY, 1);

      // So readers elsewhere wait behind it, and those of its own process too.
      expect(await there.locks.tryAcquire(KEY, SHARED)).toBeNull();
      expect(await here.locks.tryAcquire(KEY, SHARED)).toBeNull();
      const remote = there.locks.acquire(KEY, SHARED);
      await untilWaiting(there, KEY, 2);
      await releaseAll(readers);
      await releaseAll([await writing]);
      await releaseAll([await remote]);
    });

    it('a writer of the same process that gives up lets the readers behind it in', async () => {
      const abort = new AbortController();
      const first = await here.locks.acquire(KEY, SHARED);
      const writing = problemOf(here.locks.acquire(KEY, { signal: abort.signal }));
      await untilWaiting(there, KEY, 1);
      const behind = [1, 2, 3].map(() => here.locks.acquire(KEY, SHARED));
      const remote = there.locks.acquire(KEY, SHARED);
      await untilWaiting(there, KEY, 2);

      abort.abort();

      expect(await writing).toMatchObject({ code: 'LOCK_ABORTED' });
      await releaseAll([...(await Promise.all(behind)), await remote, first]);
    });

    it('with other leases of their own hold through leases of their own', async () => {
      const readers = [
        await here.locks.acquire(KEY, SHARED),
        await here.locks.acquire(KEY, { ...SHARED, leaseTime: 5_000 }),
        await here.locks.acquire(KEY, { ...SHARED, maxHoldTime: 50_000 }),
        await here.locks.acquire(KEY, { ...SHARED, renew: false }),
        await here.locks.acquire(KEY, { ...SHARED, fair: true }),
      ];
      expect(await holders()).toBe(5);
      expect(new Set(readers.map(({ token }) => token)).size).toBe(5);
      await releaseAll(readers);
    });
  });

  describe('limited locks', () => {
    const limit = 3;

    it('Tokens: are handed over inside the process, each with a larger token, and cost no call', async () => {
      const pod = await pods.open({ handOver: { count: 100, time: FOREVER } });
      const held = await Promise.all([1, 2].map(() => pod.locks.acquire(KEY, { limit: 2 })));
      const queue = Array.from({ length: 10 }, () => pod.locks.acquire(KEY, { limit: 2 }));
      const before = await pods.scriptCalls();

      const tokens = new Map<number, number[]>();
      for (let i = 0; i < queue.length; i += 1) {
        const [from] = held.splice(i % 2, 1);
        await from!.release();
        const next = await queue[i]!;
        expect(next.token).toBe(from!.token + 1);
        held.splice(i % 2, 0, next);
        tokens.set(i % 2, [...(tokens.get(i % 2) ?? []), next.token]);
      }

      expect((await pods.scriptCalls()) - before).toBe(0);
      const ranges = [...tokens.values()];
      expect(Math.max(...ranges[0]!)).toBeLessThan(Math.min(...ranges[1]!));
      await releaseAll(held);
      const next = await there.locks.acquire(KEY, { limit: 2 });
      expect(next.token).toBeGreaterThan(Math.max(...ranges.flat()));
      await releaseAll([next]);
    });

    it('Exclusion: two crowded processes never have more inside than the limit, and both are served', async () => {
      let inside = 0;
      let most = 0;
      const served = new Map<Pod, number>();
      const visit = (pod: Pod, permits: number): Promise<void> =>
        pod.locks.using(KEY, { limit, permits }, async (lock) => {
          inside += permits;
          most = Math.max(most, inside);
          served.set(pod, (served.get(pod) ?? 0) + 1);
          await turn();
          lock.assertHeld();
          inside -= permits;
        });

      await Promise.all(
        Array.from({ length: 200 }, (_, i) => visit(i % 2 ? here : there, 1 + (i % 5 ? 0 : i % 3))),
      );

      expect(most).toBe(limit);
      expect([served.get(here), served.get(there)]).toEqual([100, 100]);
    });

    it('No leftover: what the store grants while all who wait here were handed it over goes back', async () => {
      const pod = await pods.open({ handOver: { count: 100, time: FOREVER } });
      const first = await pod.locks.acquire(KEY, { limit: 2 });
      const remote = await there.locks.acquire(KEY, { limit: 2 });
      // It asks the store, for there may be a permit, and waits there.
      const second = pod.locks.acquire(KEY, { limit: 2 });
      await untilWaiting(there, KEY, 1);
      await untilHeard(pods.server.url, `lock:${KEY}`);

      // Both in one moment: the store grants what is handed over here.
      const [, , lock] = await Promise.all([first.release(), remote.release(), second]);

      expect(lock.isHeld()).toBe(true);
      await until('only one holds', async () => (await holders()) === 1);
      await untilWaiting(there, KEY, 0);
      const all = there.locks.acquire(KEY, { limit: 2, permits: 2 });
      await untilWaiting(there, KEY, 1);
      await releaseAll([lock]);
      await releaseAll([await all]);
    });

    it('one who waits for many permits is not passed by one of its process that does not wait', async () => {
      const held = await here.locks.acquire(KEY, { limit, permits: 2 });
      const many = here.locks.acquire(KEY, { limit, permits: 2 });
      const seen = watch(many);
      await turn();

      expect(await here.locks.tryAcquire(KEY, { limit })).toBeNull();

      expect(seen.settled).toBe(false);
      await releaseAll([held]);
      await releaseAll([await many]);
    });

    describe('with another limit', () => {
      const expectRefusal = (problem: Error): void => {
        expect(problem).toBeInstanceOf(LockRefusedError);
        expect(detailOf(problem)).toContain('limited to 3, and 5 was asked for');
      };

      it('Three answers: are refused with both numbers, in the process that holds and in another', async () => {
        for (const permits of [1, 3]) {
          const held = await here.locks.acquire(KEY, { limit, permits });
          for (const { locks } of [here, there]) {
            expectRefusal(await problemOf(locks.acquire(KEY, { limit: 5 })));
            expectRefusal(await problemOf(locks.tryAcquire(KEY, { limit: 5 })));
            expectRefusal(await problemOf(locks.acquire(KEY, { limit: 5, fair: true })));
            expectRefusal(await problemOf(locks.using(KEY, { limit: 5 }, () => 'never')));
            expectRefusal(await problemOf(locks.acquireAll(['a', KEY], { limit: 5 })));
          }
          await releaseAll([held]);
          expect(await pods.keys()).toEqual([]);
        }
        await releaseAll([await here.locks.acquire(KEY, { limit: 5 })]);
      });

      it('No leftover: are refused in a mixed queue, and all others of it are served in order', async () => {
        const order: string[] = [];
        const use = (name: string, options: object): Promise<unknown> =>
          here.locks
            .using(KEY, options, async () => {
              order.push(name);
              await turn();
            })
            .catch((error: unknown) => {
              order.push(`not ${name}`);
              return error;
            });
        const remote = await there.locks.acquire(KEY, { limit, permits: 3 });
        const work = [
          use('one of 3', { limit }),
          use('one of 5', { limit: 5 }),
          use('a writer', {}),
          use('a reader', SHARED),
          use('two of 3', { limit, permits: 2 }),
        ];
        await untilWaiting(there, KEY, 1);

        await releaseAll([remote]);
        const answers = await Promise.all(work);

        expect(order.filter((name) => name !== 'not one of 5')).toEqual([
          'one of 3',
          'a writer',
          'a reader',
          'two of 3',
        ]);
        expectRefusal(answers[1] as Error);
      });
    });
  });

  describe('one queue in a process', () => {
    it('serves all modes in order of arrival, those together that may be', async () => {
      const order: string[] = [];
      let inside = 0;
      let most = 0;
      const first = await here.locks.acquire(KEY);
      const use = (name: string, options: object): Promise<void> =>
        here.locks.using(KEY, options, async () => {
          order.push(name);
          inside += 1;
          most = Math.max(most, inside);
          for (let i = 0; i < 20; i += 1) await turn();
          inside -= 1;
        });
      const names: [string, object][] = [
        ['r1', SHARED],
        ['r2', SHARED],
        ['w3', {}],
        ['w4', {}],
        ['l5', { limit: 2 }],
        ['l6', { limit: 2 }],
        ['l7', { limit: 2 }],
        ['r8', SHARED],
        ['w9', {}],
      ];
      const work = names.map(([name, options]) => use(name, options));
      await untilWaiting(there, KEY, 1);

      await first.release();
      await Promise.all(work);

      expect(order).toEqual(names.map(([name]) => name));
      expect(most).toBe(2);
      await until('free', async () => (await pods.keys()).length === 0);
    });

    it('tells those who wait too long that it is busy, and who holds it how', async () => {
      const reader = await here.locks.acquire(KEY, SHARED);
      for (const { locks } of [here, there]) {
        const problem = await problemOf(locks.acquire(KEY, { waitTime: 50 }));
        expect(problem).toBeInstanceOf(LockBusyError);
        expect(problem).toMatchObject({ mode: { kind: 'shared' } });
      }
      await releaseAll([reader]);
    });

    it('Exclusion: two crowds of all modes, with waits called off, never go but as the modes allow', async () => {
      const inside = { writers: 0, readers: 0, permits: 0 };
      let served = 0;
      const check = (): void => {
        const kinds = [inside.writers, inside.readers, inside.permits].filter((n) => n > 0);
        expect(kinds.length).toBeLessThanOrEqual(1);
        expect(inside.writers).toBeLessThanOrEqual(1);
        expect(inside.permits).toBeLessThanOrEqual(3);
      };
      const visit = async (i: number): Promise<void> => {
        const pod = i % 2 ? here : there;
        const kind = (['readers', 'readers', 'writers', 'permits', 'permits'] as const)[i % 5]!;
        const permits = kind === 'permits' ? 1 + (i % 3) : 1;
        const abort = new AbortController();
        const options = {
          signal: abort.signal,
          fair: i % 7 === 0,
          ...(kind === 'readers' ? SHARED : kind === 'permits' ? { limit: 3, permits } : {}),
        };
        const work = pod.locks.using(KEY, options, async (lock) => {
          inside[kind] += permits;
          check();
          await turn();
          await turn();
          lock.assertHeld();
          check();
          inside[kind] -= permits;
          served += 1;
        });
        if (i % 4 === 0) setImmediate(() => setImmediate(() => abort.abort()));
        await work.catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'LOCK_ABORTED' });
        });
      };

      await Promise.all(Array.from({ length: 300 }, (_, i) => visit(i)));

      expect(served).toBeGreaterThanOrEqual(225);
      expect(inside).toEqual({ writers: 0, readers: 0, permits: 0 });
      await until('free', async () => (await pods.keys()).length === 0);
    });
  });

  describe('taken again inside', () => {
    it('shared ones inside an exclusive one are together, and alone with it', async () => {
      const stages = [new Stage(), new Stage()];
      await here.locks.using(KEY, async (outer) => {
        const readers = stages.map((stage) =>
          here.locks.using(KEY, SHARED, async (lock) => {
            expect(lock.mode).toEqual({ kind: 'shared' });
            expect(lock.token).toBe(outer.token);
            await stage.pause();
          }),
        );
        await Promise.all(stages.map(({ entered }) => entered));
        // A writer among siblings waits for them.
        const writer = watch(here.locks.using(KEY, { waitTime: 5_000 }, () => 'written'));
        const behind = watch(here.locks.using(KEY, SHARED, () => 'read'));
        expect(await there.locks.tryAcquire(KEY, SHARED)).toBeNull();
        expect([writer.settled, behind.settled]).toEqual([false, false]);
        for (const stage of stages) stage.goOn();
        await Promise.all(readers);
        await until('all siblings', () => behind.settled);
        expect([writer.value, behind.value]).toEqual(['written', 'read']);
      });
      expect(await pods.keys()).toEqual([]);
    });

    const upgrades: [string, object, object, string][] = [
      ['exclusive inside shared', SHARED, {}, 'held here as shared, and exclusive was asked'],
      ['limited inside shared', SHARED, { limit: 2 }, 'held here as shared, and 1 of 2 permits'],
      ['exclusive inside permits', { limit: 2 }, {}, 'held here as 1 of 2 permits, and exclusive'],
      ['shared inside permits', { limit: 2 }, SHARED, 'held here as 1 of 2 permits, and shared'],
      [
        'more permits inside fewer',
        { limit: 5, permits: 2 },
        { limit: 5, permits: 3 },
        'held here as 2 of 5 permits, and 3 of 5 permits',
      ],
      [
        'permits of another limit',
        { limit: 5, permits: 2 },
        { limit: 4 },
        'held here as 2 of 5 permits, and 1 of 4 permits',
      ],
    ];
    it.each(upgrades)('%s is refused at once, by name', async (_, outer, inner, problem) => {
      await here.locks.using(KEY, outer, async (lock) => {
        for (const work of [
          () => here.locks.acquire(KEY, inner),
          () => here.locks.tryAcquire(KEY, inner),
          () => here.locks.using(KEY, inner, () => 'never'),
          () => here.locks.acquireAll(['a', KEY, 'z'], inner),
          () => here.locks.using(['a', KEY], inner, () => 'never'),
        ]) {
          const told = await problemOf(work());
          expect(told).toBeInstanceOf(LockUsageError);
          expect(told.message).toContain(problem);
          expect(told.message).toContain('cannot be upgraded');
        }
        expect(lock.isHeld()).toBe(true);
        await until('the others are free', async () => (await pods.keys()).length === 1);
      });
    });

    it('an exclusive one two levels down inside a shared one inside an exclusive one is refused as well', async () => {
      await here.locks.using(KEY, () =>
        here.locks.using(KEY, SHARED, async () => {
          expect(await problemOf(here.locks.acquire(KEY))).toBeInstanceOf(LockUsageError);
          await (await here.locks.acquire(KEY, SHARED)).release();
        }),
      );
    });

    it('a shared one inside a shared one does not wait for a writer that waits', async () => {
      let writing: Promise<Lock> | undefined;
      await here.locks.using(KEY, SHARED, async () => {
        writing = there.locks.acquire(KEY);
        await untilWaiting(there, KEY, 1);
        await here.locks.using(KEY, { ...SHARED, waitTime: 0 }, () => undefined);
      });
      await releaseAll([await writing!]);
    });

    it('permits inside permits are parts of those, and there are no more of them', async () => {
      await here.locks.using(KEY, { limit: 5, permits: 2 }, async () => {
        const stages = [new Stage(), new Stage()];
        const parts = stages.map((stage) =>
          here.locks.using(KEY, { limit: 5 }, () => stage.pause()),
        );
        await Promise.all(stages.map(({ entered }) => entered));
        expect(await here.locks.tryAcquire(KEY, { limit: 5 })).toBeNull();
        expect(await holders()).toBe(1);
        // To others there are the three that are left.
        const others = await there.locks.acquire(KEY, { limit: 5, permits: 3 });
        const third = here.locks.using(KEY, { limit: 5, permits: 2 }, () => 'both');
        for (const stage of stages) stage.goOn();
        await Promise.all(parts);
        expect(await third).toBe('both');
        await releaseAll([others]);
      });
    });
  });

  describe('downgrade', () => {
    it('Exclusion: lets readers in beside it, here and elsewhere, without a gap, with a larger token', async () => {
      const lock = await here.locks.acquire(KEY);
      const { token } = lock;
      const writing = there.locks.acquire(KEY, { fair: true });
      const remote = there.locks.acquire(KEY, SHARED);
      await untilWaiting(there, KEY, 2);
      const local = watch(here.locks.acquire(KEY, { ...SHARED, fair: true }));
      await untilWaiting(there, KEY, 3);
      const seen = watch(writing);

      await lock.downgrade();

      expect(lock.mode).toEqual({ kind: 'shared' });
      expect(lock.token).toBeGreaterThan(token);
      expect(lock.isHeld()).toBe(true);
      // They came behind a writer.
      expect([seen.settled, local.settled]).toEqual([false, false]);
      await lock.extend();
      await releaseAll([lock]);
      await releaseAll([await writing]);
      await releaseAll([await remote]);
      await until('the local reader', () => local.settled);
      await releaseAll([local.value!]);
    });

    it('lets in the readers of its process that wait, through its own lease', async () => {
      const lock = await here.locks.acquire(KEY);
      const waiting = Array.from({ length: 50 }, () => here.locks.acquire(KEY, SHARED));
      await untilWaiting(there, KEY, 1);

      await lock.downgrade();

      const readers = await Promise.all(waiting);
      // That one waited in the store as well.
      expect(await holders()).toBeLessThanOrEqual(2);
      for (const { token } of readers) expect(token).toBeGreaterThanOrEqual(lock.token);
      await releaseAll([lock, ...readers]);
    });

    it('of a shared one changes nothing, and of others is refused by name', async () => {
      const reader = await here.locks.acquire(KEY, SHARED);
      const { token } = reader;
      await reader.downgrade();
      expect(reader.token).toBe(token);
      await releaseAll([reader]);

      const permit = await here.locks.acquire(KEY, { limit: 2 });
      expect(await problemOf(permit.downgrade())).toMatchObject({
        code: 'LOCK_USAGE',
        message: expect.stringContaining('held as 1 of 2 permits') as string,
      });
      await releaseAll([permit]);

      const lock = await here.locks.acquire(KEY);
      const inner = await lock.run(() => here.locks.acquire(KEY));
      for (const one of [lock, inner]) {
        expect(await problemOf(one.downgrade())).toBeInstanceOf(LockUsageError);
        expect(one.mode).toEqual({ kind: 'exclusive' });
      }
      await releaseAll([inner, lock]);
    });

    it('there is no way back: an exclusive one inside it is refused, as an upgrade', async () => {
      await here.locks.using(KEY, async (lock) => {
        await here.locks.using(KEY, () => undefined);
        await lock.downgrade();
        const problem = await problemOf(here.locks.acquire(KEY));
        expect(problem).toBeInstanceOf(LockUsageError);
        expect(problem.message).toContain('cannot be upgraded');
        await here.locks.using(KEY, SHARED, () => undefined);
      });
    });

    it('No silent loss: of a lock that the store has forgotten is a loss', async () => {
      const lock = await here.locks.acquire(KEY);
      const { signal } = lock;
      await pods.admin.del(`lock:${KEY}`);

      expect(await problemOf(lock.downgrade())).toBeInstanceOf(LockLostError);

      expect(signal.aborted).toBe(true);
      expect(await lock.release()).toBe(false);
    });

    it('No leftover: released while it is under way it leaves nothing', async () => {
      const lock = await here.locks.acquire(KEY);
      here.valve.hold('down', 'commands');
      const changing = problemOf(lock.downgrade());
      await here.valve.kept('down');
      const released = lock.release();
      here.valve.open();

      expect(await changing).toBeInstanceOf(LockLostError);
      expect(await released).toBe(true);
      await releaseAll([await there.locks.acquire(KEY, { waitTime: 1_000 })]);
    });

    it('twice at once, and extended meanwhile, it stays held', async () => {
      const lock = await here.locks.acquire(KEY);
      const { signal, token } = lock;

      await Promise.all([lock.downgrade(), lock.extend(), lock.downgrade(), lock.extend(5_000)]);

      expect(lock.mode).toEqual({ kind: 'shared' });
      expect(lock.token).toBeGreaterThan(token);
      expect([lock.isHeld(), signal.aborted]).toEqual([true, false]);
      expect(await holders()).toBe(1);
      await releaseAll([lock]);
    });

    it('is handed off afterwards as it is then', async () => {
      const lock = await here.locks.acquire(KEY);
      const [, ticket] = await Promise.all([lock.downgrade(), lock.handOff()]);

      const resumed = await there.locks.resume(ticket);

      expect(resumed.mode).toEqual({ kind: 'shared' });
      await releaseAll([await here.locks.acquire(KEY, SHARED), resumed]);
    });

    it('Exclusion: an exclusive one that is taken inside meanwhile is not granted beside readers', async () => {
      const lock = await here.locks.acquire(KEY);
      here.valve.hold('down', 'commands');
      const changing = lock.downgrade();
      await here.valve.kept('down');
      const inner = problemOf(lock.run(() => here.locks.acquire(KEY)));
      const within = lock.run(() => here.locks.acquire(KEY, SHARED));
      const remote = await there.locks.acquire(KEY, SHARED);
      here.valve.open();

      await changing;
      expect(await inner).toBeInstanceOf(LockUsageError);
      await releaseAll([await within, remote, lock]);
    });

    it('No leftover: when its service closes meanwhile nothing stays in the store', async () => {
      const lock = await here.locks.acquire(KEY);
      here.valve.hold('down', 'commands');
      const changing = problemOf(lock.downgrade());
      await here.valve.kept('down');
      const closing = here.locks.close();
      await until('lost', () => !lock.isHeld());
      here.valve.open();

      expect(await changing).toBeInstanceOf(LockLostError);
      await closing;
      await releaseAll([await there.locks.acquire(KEY, { waitTime: 1_000 })]);
    });

    it.each([
      ['is late', false],
      ['never comes', true],
    ])('Exclusion: when its answer %s it is lost, and nothing stays', async (_, isCut) => {
      const pod = await pods.open({ answerTimeout: 100 });
      const lock = await pod.locks.acquire(KEY);
      const { signal } = lock;
      pod.valve.hold('down', 'commands');
      const changing = problemOf(lock.downgrade());
      await pod.valve.kept('down');
      const remote = await there.locks.acquire(KEY, SHARED);

      expect(await changing).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      // A reader is beside it: nobody may take it for exclusive.
      expect([signal.aborted, lock.isHeld()]).toEqual([true, false]);
      if (isCut) pod.valve.cut();
      pod.valve.open();

      await until('the reader is alone', async () => (await holders()) === 1);
      await releaseAll([remote]);
      expect(await lock.release()).toBe(false);
    });

    it('after its answer it is renewed in time, though a renewal was under way meanwhile', async () => {
      class SlowStore extends MemoryStore {
        readonly gate = new Gate();
        override async succeed(succession: Succession): Promise<Grant | null> {
          const grant = await super.succeed(succession);
          await this.gate.opened;
          return grant;
        }
        /** Answers come in the order in which they were asked for. */
        override extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
          return super.extend(leases).map(async (answer) => {
            await this.gate.opened;
            await turn();
            return answer;
          });
        }
        isBack(): void {
          this.recovered();
        }
      }
      const clock = new ManualClock();
      const store = new SlowStore({ clock });
      const locks = new LockService({ store, clock, leaseTime: 3_000 });
      const lock = await locks.acquire(KEY);
      const changing = lock.downgrade();
      // All that is held is confirmed: of this one the store knows nothing any more.
      store.isBack();
      await clock.advanceAndSettle(100);
      store.gate.open();
      await changing;

      await clock.advanceAndSettle(10_000);

      expect([lock.isHeld(), lock.mode]).toEqual([true, { kind: 'shared' }]);
      expect(await lock.release()).toBe(true);
      await locks.close();
    });
  });
});
