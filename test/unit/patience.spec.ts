import { LockRefusedError, LockUnavailableError, detailOf } from '../../lib/lock/lock.errors.js';
import type { Lock } from '../../lib/lock/lock.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { StoreUnavailableError } from '../../lib/stores/lock-store.js';
import { Gate } from '../support/gate.js';
import { ManualClock } from '../support/manual-clock.js';
import { MoodyStore } from '../support/moody-store.js';
import { watch } from '../support/until.js';

const UNAVAILABLE_AFTER = 2_000;
/** A silence is only told when a second look, so much later, finds the same. */
const SECOND_LOOK = 25;
/** How long the store may be silent to a caller whose own time is up. */
const PATIENCE = 200 + SECOND_LOOK;

const codes = (callers: Promise<unknown>[]): Promise<unknown[]> =>
  Promise.all(
    callers.map((caller) =>
      caller.then(
        () => 'granted',
        (error: unknown) => (error as { code: string }).code,
      ),
    ),
  );

describe('those who wait', () => {
  let clock: ManualClock;
  let store: MoodyStore;
  let locks: LockService;
  let others: LockService;
  beforeEach(() => {
    clock = new ManualClock();
    store = new MoodyStore({ clock });
    locks = new LockService({
      store,
      clock,
      ownsStore: false,
      unavailableAfter: UNAVAILABLE_AFTER,
    });
    others = new LockService({ store, clock });
  });
  afterEach(async () => {
    const closing = Promise.all([locks.close(), others.close()]);
    await clock.advanceAndSettle(20_000);
    await closing;
    expect(clock.pending).toBe(0);
  });

  const crowd = (size: number, waitTime: number): Promise<unknown>[] =>
    Array.from({ length: size }, () => locks.acquire('order:1', { waitTime }));

  function fallSilent(cause?: Error): void {
    store.silence = { since: clock.mono(), cause };
  }

  describe('of a store that says nothing', () => {
    it('Three answers: are never told "busy"', async () => {
      fallSilent();
      const waiting = codes([...crowd(2, 0), ...crowd(2, 20), ...crowd(2, 1_000)]);
      await clock.advanceAndSettle(1_000 + SECOND_LOOK);
      expect(await waiting).toEqual(Array(6).fill('LOCK_UNAVAILABLE'));
    });

    it('Three answers: who asks for several keys and does not wait is told as soon as who asks for one', async () => {
      fallSilent();
      const several = watch(locks.acquireAll(['a', 'b', 'c'], { waitTime: 0 }));
      await clock.advanceAndSettle(PATIENCE);
      expect(several.settled).toBe(true);
    });

    it('Three answers: are told with the cause, after unavailableAfter, however long they would wait', async () => {
      const cause = new Error('ECONNREFUSED');
      fallSilent(cause);
      const asked = crowd(3, 60_000);
      const seen = watch(asked[0]!);
      for (const one of asked) one.catch(() => undefined);
      await clock.advanceAndSettle(UNAVAILABLE_AFTER - 1);
      expect(seen.settled).toBe(false);
      await clock.advanceAndSettle(1 + SECOND_LOOK);
      for (const one of asked) {
        await expect(one).rejects.toBeInstanceOf(LockUnavailableError);
        await expect(one).rejects.toMatchObject({ cause });
      }
    });

    it('Three answers: always hear of a cause', async () => {
      fallSilent();
      const told = locks.tryAcquire('order:1').catch((error: unknown) => error);
      await clock.advanceAndSettle(PATIENCE);
      expect(((await told) as Error).cause).toBeInstanceOf(Error);
    });

    it('Three answers: hear of an outage that began later when it has lasted for unavailableAfter', async () => {
      const holder = await others.acquire('order:1');
      const asked = codes(crowd(2, 60_000));
      await clock.advanceAndSettle(7_777);
      fallSilent();
      const seen = watch(asked);
      await clock.advanceAndSettle(UNAVAILABLE_AFTER - 1);
      expect(seen.settled).toBe(false);
      await clock.advanceAndSettle(UNAVAILABLE_AFTER);
      expect(await asked).toEqual(Array(2).fill('LOCK_UNAVAILABLE'));
      store.silence = undefined;
      await holder.release();
    });

    it('Three answers: a silence shorter than that, at the moment of a look, is no outage', async () => {
      const holder = await others.acquire('order:1');
      const asked = crowd(1, 60_000);
      const seen = watch(asked[0]!);
      for (let ms = 0; ms < 20_000; ms += 10) {
        // For 50 ms out of 60, at every moment at which it may look.
        store.silence =
          ms % 60 === 0 ? undefined : { since: clock.mono() - (ms % 60), cause: undefined };
        await clock.advanceAndSettle(10);
      }
      expect(seen.settled).toBe(false);
      store.silence = undefined;
      await holder.release();
      await clock.advanceAndSettle(0);
      expect(seen.settled).toBe(true);
      await ((await asked[0]!) as Lock).release();
    });

    it('Three answers: whose time is up is told "busy" when the silence is younger than it may be', async () => {
      const holder = await others.acquire('order:1');
      const asked = codes(crowd(1, 1_000));
      await clock.advanceAndSettle(900);
      fallSilent();
      await clock.advanceAndSettle(100);
      expect(await asked).toEqual(['LOCK_BUSY']);
      store.silence = undefined;
      await holder.release();
    });

    it('Three answers: one who only tries is told after a moment, not after unavailableAfter', async () => {
      fallSilent();
      const asked = codes([locks.tryAcquire('order:1')]);
      await clock.advanceAndSettle(PATIENCE);
      expect(await asked).toEqual(['LOCK_UNAVAILABLE']);
    });

    it('in an outage that lasts, who comes now does not wait for it to last once more', async () => {
      fallSilent();
      await clock.advanceAndSettle(60_000);
      const asked = codes(crowd(1, 60_000));
      await clock.advanceAndSettle(PATIENCE);
      expect(await asked).toEqual(['LOCK_UNAVAILABLE']);
    });

    it('are not told so by a process that could not listen', async () => {
      const slow = (store.slow = new Gate());
      const asked = locks.acquire('order:1', { waitTime: 20 });
      // The loop is blocked; the timer comes before the answer is read.
      clock.stepMono(600);
      await clock.advanceAndSettle(10);
      slow.open();
      await clock.advanceAndSettle(0);
      await (await asked).release();
    });
  });

  describe('of a store that answers with an error', () => {
    it('Three answers: are told its words at once, and none is kept waiting', async () => {
      const failure = (store.failure = new Error('NOPERM this user has no permissions'));
      const asked = crowd(3, 60_000);
      for (const one of asked) {
        await expect(one).rejects.toBeInstanceOf(LockRefusedError);
        await expect(one).rejects.toMatchObject({ code: 'LOCK_REFUSED', cause: failure });
        await expect(one.catch(detailOf)).resolves.toMatch(/NOPERM/);
      }
      await expect(locks.tryAcquire('order:1')).rejects.toBeInstanceOf(LockRefusedError);
    });

    it('Never unlocked: "proceed" does not run the work, for it is no outage', async () => {
      store.failure = new Error('OOM command not allowed');
      const work = jest.fn();
      const scope = locks.using('order:1', { whenUnavailable: 'proceed' }, work);
      await expect(scope).rejects.toBeInstanceOf(LockRefusedError);
      const several = locks.using(['a', 'b'], { whenUnavailable: 'proceed' }, work);
      await expect(several).rejects.toBeInstanceOf(LockRefusedError);
      expect(work).not.toHaveBeenCalled();
    });

    it('Three answers: a store that was closed is unavailable at once', async () => {
      store.failure = new StoreUnavailableError('the client was closed', new Error('why'));
      await expect(locks.acquire('order:1')).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        cause: { message: 'why' },
      });
    });
  });
});
