import { LockBusyError, LockUsageError, detailOf } from '../../../lib/lock/lock.errors.js';
import { Gate } from '../../support/gate.js';
import { until } from '../../support/until.js';
import { neighbour, openStand, type Stand } from './stand.js';

describe('waiting for a lock', () => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await openStand({ waitTime: 20_000, unavailableAfter: 1_000 });
  });
  afterEach(() => stand.close());

  it('tryAcquire with a waitTime waits that long and then says null, or has it meanwhile', async () => {
    const { locks, server } = stand;
    await neighbour(server.port, async (others) => {
      const holder = await others.acquire('order:1');
      const begun = performance.now();
      expect(await locks.tryAcquire('order:1', { waitTime: 150 })).toBeNull();
      expect(performance.now() - begun).toBeGreaterThanOrEqual(149);

      const asked = locks.tryAcquire('order:1', { waitTime: 20_000 });
      await until('in the queue', async () => (await others.inspect('order:1')).waiting === 1);
      await holder.release();
      expect(await (await asked)?.release()).toBe(true);
    });
  });

  it('for ever, a caller is served or called off, and is no outage', async () => {
    const { locks, server } = stand;
    await neighbour(server.port, async (others) => {
      const holder = await others.acquire('order:1');
      const abort = new AbortController();
      const first = locks.acquire('order:1', { waitTime: Infinity });
      const second = locks.acquire('order:1', { waitTime: Infinity, signal: abort.signal });
      // Longer than the store may be silent.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      abort.abort();
      await expect(second).rejects.toMatchObject({ code: 'LOCK_ABORTED' });
      await holder.release();
      expect(await (await first).release()).toBe(true);
    });
  });

  /** Two chains that take two keys in opposite order. */
  function ring(waitTime: number): Promise<unknown>[] {
    const gates = [new Gate(), new Gate()] as const;
    const chain = (own: string, wanted: string, at: 0 | 1): Promise<unknown> =>
      stand.locks
        .using(own, async () => {
          gates[at].open();
          await gates[at === 0 ? 1 : 0].opened;
          return stand.locks.using(wanted, { waitTime: at === 0 ? waitTime : Infinity }, () => at);
        })
        .catch((error: unknown) => error);
    return [chain('a', 'b', 0), chain('b', 'a', 1)];
  }

  it('a deadlock is told to the one whose wait is over, as "busy", and the other goes on', async () => {
    const [error, other] = await Promise.all(ring(200));
    expect(error).toBeInstanceOf(LockBusyError);
    expect(error).toMatchObject({ code: 'LOCK_BUSY', reason: 'deadlock', key: 'b' });
    expect(detailOf(error)).toContain('"b" → "a"');
    expect(other).toBe(1);
  });

  it('a deadlock of those who wait for ever is told when it has lasted for unavailableAfter', async () => {
    const outcomes = await Promise.all(ring(Infinity));
    const told = outcomes.filter((one) => one instanceof LockBusyError);
    expect(told).toMatchObject([{ reason: 'deadlock' }]);
    expect(outcomes.filter((one) => typeof one === 'number')).toHaveLength(1);
  });

  it('work that is not awaited, and a short wait with a fallback, are no deadlock', async () => {
    const { locks } = stand;
    const [end, begun] = [new Gate(), new Gate()];
    let late: Promise<unknown> | undefined;
    const first = locks.using('a', async () => {
      await begun.opened;
      late = locks.using('b', () => 'late');
      expect(await locks.tryAcquire('b', { waitTime: 100 })).toBeNull();
      await end.opened;
      return 'did without';
    });
    const second = locks.using('b', () => {
      begun.open();
      return locks.using('a', () => 'second');
    });
    await begun.opened;
    setTimeout(end.open, 300);
    expect(await first).toBe('did without');
    expect(await second).toBe('second');
    expect(await late).toBe('late');
  });

  it('work run by a handle stands in it, and a handle inside it ends with its maxHoldTime', async () => {
    const { locks, admin } = stand;
    const lock = await locks.acquire('order:1');
    expect(() => locks.currentLock()).toThrow(LockUsageError);
    await lock.run(async () => {
      expect(locks.currentLock()).toBe(lock);
      const inner = await locks.acquire('order:1', { maxHoldTime: 50 });
      await inner.run(() => locks.using('order:1', { waitTime: 0 }, () => undefined));
      const { signal } = inner;
      // Waits for the inner one, which nobody gives back.
      expect(await locks.using('order:1', () => signal.aborted)).toBe(true);
      expect(await inner.release()).toBe(false);
    });
    expect(await lock.release()).toBe(true);
    expect(await admin.dbsize()).toBe(0);
  });
});
