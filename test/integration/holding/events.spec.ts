import { lockEvents, type LockEvent } from '../../../lib/lock/lock-events.js';
import { sleep, until } from '../../support/until.js';
import { Heard, neighbour, openStand, type Stand } from './stand.js';

describe('events', () => {
  let stand: Stand;
  const heard: Heard[] = [];
  const listen = (channel: string): LockEvent[] => {
    const one = new Heard(`nest-locked:${channel}`);
    heard.push(one);
    return one.events;
  };
  afterEach(async () => {
    for (const one of heard.splice(0)) one.stop();
    await stand.close();
  });

  const number = expect.any(Number) as number;
  /** What every event tells of a caller who asks the service. */
  const about = (key: string): object => ({
    id: expect.any(String) as string,
    key,
    mode: { kind: 'exclusive' },
    registration: 'default',
    store: 'redis',
  });

  it('tell of a lock from the question to the release, with how long it took', async () => {
    stand = await openStand();
    const [start, granted, release] = ['acquire:start', 'acquire:granted', 'release'].map(listen);
    const lock = await stand.locks.acquire('order:1');
    expect(start).toEqual([about('order:1')]);
    expect(granted).toEqual([{ ...about('order:1'), token: lock.token, waitedMs: number }]);
    await sleep(20);
    const waiting = stand.locks.acquire('order:1', { fair: true });
    await sleep(20);
    await lock.release();
    await lock.release();
    expect(release).toEqual([{ ...about('order:1'), token: lock.token, heldMs: number }]);
    expect(new Set([...start!, ...granted!, ...release!].map(({ id }) => id)).size).toBe(2);
    expect(release![0]!.heldMs).toBeGreaterThan(35);
    const next = await waiting;
    expect(granted![1]).toMatchObject({ token: next.token });
    expect(granted![1]!.waitedMs).toBeGreaterThan(15);
    await next.release();
  });

  it('tell of each hold that a lock is handed over to, and of nested ones', async () => {
    stand = await openStand();
    const [granted, release] = ['acquire:granted', 'release'].map(listen);
    const hold = (): Promise<void> =>
      stand.locks.using('order:1', () => stand.locks.using('order:1', () => sleep(1)));
    await Promise.all([hold(), hold(), hold()]);
    expect(granted).toHaveLength(6);
    expect(release).toHaveLength(6);
    const tokens = (events: LockEvent[]): (number | undefined)[] =>
      events.map(({ token }) => token).sort();
    expect(tokens(release!)).toEqual(tokens(granted!));
    for (const { heldMs } of release!) expect(heldMs).toBeLessThan(5_000);
  });

  it('tell of those who did not get it', async () => {
    stand = await openStand({ answerTimeout: 200 });
    const [busy, aborted, unavailable] = [
      'acquire:busy',
      'acquire:aborted',
      'acquire:unavailable',
    ].map(listen);
    await neighbour(stand.server.port, async (others) => {
      const lock = await others.acquire('order:1');
      expect(await stand.locks.tryAcquire('order:1')).toBeNull();
      await stand.locks.acquire('order:1', { waitTime: 30 }).catch(() => undefined);
      const error = expect.objectContaining({ code: 'LOCK_BUSY' }) as unknown;
      expect(busy).toEqual([
        { ...about('order:1'), waitedMs: number },
        { ...about('order:1'), waitedMs: number, error },
      ]);
      expect(busy![1]!.waitedMs).toBeGreaterThanOrEqual(29);

      const signal = AbortSignal.timeout(30);
      await stand.locks.acquire('order:1', { signal }).catch(() => undefined);
      expect(aborted).toMatchObject([
        { key: 'order:1', waitedMs: number, error: { code: 'LOCK_ABORTED' } },
      ]);
      await lock.release();
    });
    stand.server.pause();
    await stand.locks.acquire('order:1', { waitTime: 50 }).catch(() => undefined);
    expect(unavailable).toMatchObject([
      { key: 'order:1', waitedMs: number, error: { code: 'LOCK_UNAVAILABLE' } },
    ]);
  });

  it('tell of renewals, of a failed one, and of the loss', async () => {
    stand = await openStand({ leaseTime: 1_000 });
    const [renew, suspect, lost] = ['renew', 'suspect', 'lost'].map(listen);
    const lock = await stand.locks.acquire('order:1');
    await until('renewed', () => renew!.length > 1);
    expect(renew![0]).toEqual({
      ...about('order:1'),
      token: lock.token,
      heldMs: number,
      tookMs: number,
    });
    expect(renew![1]!.heldMs).toBeGreaterThan(renew![0]!.heldMs!);
    await stand.admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval');
    await until('lost', () => lost!.length > 0);
    await stand.admin.call('ACL', 'SETUSER', 'default', '+@all');
    expect(suspect).toHaveLength(1);
    expect(suspect![0]).toMatchObject({ key: 'order:1', token: lock.token, heldMs: number });
    expect(suspect![0]!.error).toBeInstanceOf(Error);
    expect(lost).toMatchObject([
      { key: 'order:1', token: lock.token, heldMs: number, error: { code: 'LOCK_LOST' } },
    ]);
    expect(lost![0]!.error).toBe(lock.signal.reason);
  });

  it('are not even made when nobody listens', async () => {
    const published = Object.values(lockEvents).map((one) => jest.spyOn(one, 'publish'));
    stand = await openStand({ leaseTime: 100, answerTimeout: 100 });
    const { locks } = stand;
    const lock = await locks.acquire('order:1');
    expect(await locks.tryAcquire('order:1')).toBeNull();
    await locks.acquire('order:1', { signal: AbortSignal.timeout(20) }).catch(() => undefined);
    await sleep(100);
    await lock.release();
    const second = await locks.acquire('order:1');
    stand.server.pause();
    await until('lost', () => second.signal.aborted);
    await locks.using('order:2', { waitTime: 20, whenUnavailable: 'proceed' }, () => undefined);
    stand.server.resume();
    for (const publish of published) {
      expect(publish).not.toHaveBeenCalled();
      publish.mockRestore();
    }
  });
});
