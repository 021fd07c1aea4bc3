import { LockRefusedError, LockUnavailableError, detailOf } from '../../../lib/lock/lock.errors.js';
import { sleep, until, watch } from '../../support/until.js';
import { neighbour, openStand, type Stand } from './stand.js';

const UNAVAILABLE_AFTER = 1_000;

describe('an error that Redis answers with', () => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await openStand({ waitTime: 20_000 });
    // Whatever it refuses from now on, the script is known.
    await stand.locks.using('warm', () => undefined);
  });
  afterEach(() => stand.close());

  const refusals: [string, RegExp, () => Promise<unknown>][] = [
    [
      'NOPERM',
      /NOPERM|permissions/,
      () => stand.admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval'),
    ],
    ['WRONGTYPE', /WRONGTYPE/, () => stand.admin.hset('lock:order:1', 'field', 'theirs')],
    ['OOM', /OOM/, () => stand.admin.config('SET', 'maxmemory', '1')],
  ];

  /** Resolves when all that was asked before has been answered. */
  const settled = async (): Promise<void> => {
    await stand.locks.inspect('order:2').catch(() => undefined);
  };

  it.each(refusals)(
    'Three answers: %s is told at once, in the words of the server, and nothing runs unlocked',
    async (_, words, refuse) => {
      const { locks } = stand;
      await refuse();
      const begun = performance.now();
      const told = await locks.acquire('order:1').catch((error: unknown) => error);
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(told).toBeInstanceOf(LockRefusedError);
      const { cause } = told as Error;
      expect(detailOf(told)).toMatch(words);
      expect(cause).toBeInstanceOf(Error);
      expect((cause as Error).message).toMatch(words);

      // In one call with what the first one took back, Redis would not look at its memory again.
      await settled();
      await expect(locks.tryAcquire('order:1')).rejects.toBeInstanceOf(LockRefusedError);
      await settled();
      const work = jest.fn();
      const scope = locks.using('order:1', { whenUnavailable: 'proceed' }, work);
      await expect(scope).rejects.toBeInstanceOf(LockRefusedError);
      expect(work).not.toHaveBeenCalled();
      await stand.admin.config('SET', 'maxmemory', '0');
      await stand.admin.call('ACL', 'SETUSER', 'default', '+@all');
    },
  );

  it('Three answers: a key that holds something else is no obstacle to another key', async () => {
    const { locks, admin } = stand;
    await admin.hset('lock:order:1', 'field', 'theirs');
    const outcomes = await Promise.allSettled([
      locks.using('order:1', () => 'never'),
      locks.using('order:2', () => 'done'),
    ]);
    expect(outcomes[0]).toMatchObject({ reason: { code: 'LOCK_REFUSED', key: 'order:1' } });
    expect(outcomes[1]).toEqual({ status: 'fulfilled', value: 'done' });
    expect(await admin.hget('lock:order:1', 'field')).toBe('theirs');
  });
});

describe('a Redis that is silent', () => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await openStand({ unavailableAfter: UNAVAILABLE_AFTER, answerTimeout: 20_000 });
    await stand.locks.using('warm', () => undefined);
  });
  afterEach(() => stand.close());

  it('Three answers: reconnects of a moment, again and again, are no outage', async () => {
    const { locks, proxy, server, client } = stand;
    await neighbour(server.port, async (others) => {
      const holder = await others.acquire('order:1');
      const waiting = locks.acquire('order:1', { waitTime: 60_000 });
      const seen = watch(waiting);
      const end = performance.now() + 4 * UNAVAILABLE_AFTER;
      while (performance.now() < end) {
        const back = new Promise((resolve) => client.once('ready', resolve));
        proxy.cut('both');
        await back;
        await sleep(10);
      }
      expect(seen.settled).toBe(false);
      await holder.release();
      expect(await (await waiting).release()).toBe(true);
    });
  });

  it('Three answers: an outage is told when it has lasted for unavailableAfter, not at the end of waitTime', async () => {
    const { locks, proxy, server } = stand;
    await neighbour(server.port, async (others) => {
      const holder = await others.acquire('order:1');
      const waiting = locks.acquire('order:1', { waitTime: 600_000 });
      const told = waiting.catch((error: unknown) => error);
      await until('in the queue', async () => (await others.inspect('order:1')).waiting === 1);
      // Later than every look of its first moments.
      await sleep(UNAVAILABLE_AFTER * 1.3);
      proxy.halfOpen('both', true);
      const begun = performance.now();
      // Who asks now is what makes the silence known.
      const newcomer = locks.acquire('order:2', { waitTime: 600_000 });
      await expect(newcomer).rejects.toBeInstanceOf(LockUnavailableError);
      expect(performance.now() - begun).toBeGreaterThan(UNAVAILABLE_AFTER - 50);
      const error = await told;
      expect(error).toBeInstanceOf(LockUnavailableError);
      expect((error as Error).cause).toBeInstanceOf(Error);
      expect(performance.now() - begun).toBeLessThan(20_000);
      await holder.release();
    });
  });

  it('Three answers: a client that was closed for good refuses at once, also those who wait', async () => {
    const { locks, client, server } = stand;
    await neighbour(server.port, async (others) => {
      const holder = await others.acquire('order:1');
      const waiting = locks.acquire('order:1', { waitTime: Infinity });
      const told = waiting.catch((error: unknown) => error);
      await until('in the queue', async () => (await others.inspect('order:1')).waiting === 1);
      client.disconnect();
      for (const error of [
        await told,
        await locks.acquire('order:1', { waitTime: Infinity }).catch((e: unknown) => e),
        await locks.tryAcquire('order:2').catch((e: unknown) => e),
        await locks.inspect('order:2').catch((e: unknown) => e),
      ]) {
        expect(error).toBeInstanceOf(LockUnavailableError);
        expect((error as Error).cause).toBeInstanceOf(Error);
        expect(detailOf(error)).toContain('closed');
      }
      await holder.release();
    });
  });
});
