import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Random } from '../../faults/random.js';
import { until, sleep } from '../../support/until.js';
import { connect, Heard, neighbour, openStand, type Stand } from './stand.js';

/** How long the replies of a connection go astray before it breaks, in ms. */
const ASTRAY = 20;

describe('a reply lost in a reconnect', () => {
  let stand: Stand;
  let lost: Heard;
  beforeEach(async () => {
    stand = await openStand({ leaseTime: 60_000, waitTime: 20_000 });
    lost = new Heard('nest-locked:lost');
  });
  afterEach(async () => {
    lost.stop();
    expect(lost.events).toEqual([]);
    await until('no key', async () => (await stand.admin.dbsize()) === 0);
    await stand.close();
  });

  it('Exclusion: to an acquisition: granted once, with the token that the server knows', async () => {
    const { locks, proxy, admin, client, server } = stand;
    const broken = new Promise((resolve) => client.once('close', resolve));
    proxy.swallowReplies('both', ASTRAY);
    const asked = locks.acquire('order:1');
    await until('executed', async () => (await admin.exists('lock:order:1')) === 1);
    const value = await admin.get('lock:order:1');
    await broken;
    const lock = await asked;
    expect(await admin.get('lock:order:1')).toBe(value);
    expect(value!.endsWith(` ${String(lock.token)}`)).toBe(true);
    await neighbour(server.port, async (others) => {
      expect(await others.tryAcquire('order:1')).toBeNull();
    });
    expect(await lock.release()).toBe(true);
  });

  it('to a single try: the same', async () => {
    const { locks, proxy, client } = stand;
    const broken = new Promise((resolve) => client.once('close', resolve));
    proxy.swallowReplies('both', ASTRAY);
    const asked = locks.tryAcquire('order:1');
    await broken;
    const lock = await asked;
    expect(lock?.isHeld()).toBe(true);
    expect(await lock?.release()).toBe(true);
  });

  it('to a renewal: not lost', async () => {
    const { locks, proxy, client, admin } = stand;
    const lock = await locks.acquire('order:1');
    const value = await admin.get('lock:order:1');
    const broken = new Promise((resolve) => client.once('close', resolve));
    proxy.swallowReplies('both', ASTRAY);
    await lock.extend(30_000);
    await broken;
    expect(lock.isHeld()).toBe(true);
    expect(await admin.get('lock:order:1')).toBe(value);
    expect(await lock.release()).toBe(true);
  });

  it('Exclusion: to a release: it was ours to the end, and the next one stays untouched', async () => {
    const { locks, proxy, client, admin, server } = stand;
    const lock = await locks.acquire('order:1');
    const broken = new Promise((resolve) => client.once('close', resolve));
    proxy.swallowReplies('both', 200);
    const released = lock.release();
    await until('executed', async () => (await admin.exists('lock:order:1')) === 0);
    await neighbour(server.port, async (others) => {
      const next = await others.acquire('order:1');
      await broken;
      expect(await released).toBe(true);
      next.assertHeld();
      expect(next.token).toBeGreaterThan(lock.token);
      expect(await next.release()).toBe(true);
    });
  });

  it('to a release that gave the lock to the next in this process', async () => {
    const { locks, proxy, client } = stand;
    const fair = { fair: true };
    const lock = await locks.acquire('order:1', fair);
    const waiting = locks.acquire('order:1', fair);
    await until('in the queue', async () => (await locks.inspect('order:1')).waiting === 1);
    const broken = new Promise((resolve) => client.once('close', resolve));
    proxy.swallowReplies('both', ASTRAY);
    expect(await lock.release()).toBe(true);
    await broken;
    const next = await waiting;
    expect(next.token).toBeGreaterThan(lock.token);
    expect(await next.release()).toBe(true);
  });

  it('No leftover: to whoever left the queue: no place is left behind', async () => {
    const { locks, proxy, client, server, admin } = stand;
    await neighbour(server.port, async (others) => {
      const holder = await others.acquire('order:1');
      const abort = new AbortController();
      const waiting = locks.acquire('order:1', { signal: abort.signal });
      await until('in the queue', async () => (await others.inspect('order:1')).waiting === 1);
      const broken = new Promise((resolve) => client.once('close', resolve));
      proxy.swallowReplies('command', ASTRAY);
      abort.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'LOCK_ABORTED' });
      await broken;
      await until('the queue empty', async () => (await others.inspect('order:1')).waiting === 0);
      expect(await holder.release()).toBe(true);
      expect(await admin.exists('lock:order:1')).toBe(0);
    });
  });

  it('Exclusion: again and again under load: one inside, tokens grow, nothing left', async () => {
    const { proxy, server, locks } = stand;
    const random = new Random('lost replies');
    // A second process, over a proxy of the same kind of trouble, would only wait longer: direct.
    const otherClient = connect(server.port);
    const others = new LockService({
      store: new RedisStore({ client: otherClient }),
      leaseTime: 60_000,
      waitTime: 20_000,
    });
    const keys = ['a', 'b', 'c'];
    const inside = new Map<string, number>();
    const last = new Map<string, number>();
    let over = false;
    let turns = 0;
    const caller = async (service: LockService, fair: boolean): Promise<void> => {
      while (!over) {
        const key = random.pick(keys);
        await service.using(key, { fair }, async ({ token }) => {
          inside.set(key, (inside.get(key) ?? 0) + 1);
          expect(inside.get(key)).toBe(1);
          expect(token).toBeGreaterThan(last.get(key) ?? 0);
          last.set(key, token);
          turns += 1;
          await sleep(random.int(0, 3));
          inside.set(key, 0);
        });
      }
    };
    const callers = [
      ...Array.from({ length: 6 }, (_, i) => caller(locks, i % 2 === 0)),
      ...Array.from({ length: 6 }, (_, i) => caller(others, i % 2 === 0)),
    ];
    for (let i = 0; i < 25; i += 1) {
      const target = random.pick(['command', 'subscriber', 'both'] as const);
      proxy.swallowReplies(target, random.int(0, 30));
      await sleep(random.int(20, 80));
    }
    over = true;
    await Promise.all(callers);
    expect(turns).toBeGreaterThan(25);
    await others.close();
    otherClient.disconnect();
  });
});
