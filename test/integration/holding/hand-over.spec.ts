import { Redis } from 'ioredis';
import { LockService } from '../../../lib/lock/lock.service.js';
import type { HandOverBound } from '../../../lib/lock/queue/queue-settings.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers } from '../../support/callers.js';
import { commandCounts, untilHeard } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

const KEY = 'order:42';

/** What one process has: a client, a store and a service of its own. */
interface Pod {
  readonly locks: LockService;
  readonly store: LockStore;
}

describe('handing a lock over inside a process', () => {
  let server: RedisServer;
  let admin: Redis;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
    await pod().locks.using(KEY, () => undefined);
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await until('no key', async () => (await admin.dbsize()) === 0);
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  function pod(handOver?: HandOverBound): Pod {
    const client = new Redis(server.url);
    const store = new RedisStore({ client, ownsClient: true });
    const locks = new LockService({ store, waitTime: 20_000, ...(handOver && { handOver }) });
    closing.push(() => locks.close());
    return { locks, store };
  }

  /** How many script calls the server has had; the script itself is known to it by now. */
  async function scriptCalls(): Promise<number> {
    const counts = await commandCounts(server.url);
    return counts.get('evalsha') ?? 0;
  }

  const waiting = (pod: Pod, count: number): Promise<void> =>
    until(`${count} in the queue`, async () => (await pod.store.inspect(KEY)).waiting === count);

  /** Takes the key `count` times at once, and writes each grant down. */
  function crowd(name: string, { locks }: Pod, count: number, grants: Grant[], fair = false) {
    return Promise.all(
      Array.from({ length: count }, async () => {
        const lock = await locks.acquire(KEY, { fair });
        grants.push({ name, token: lock.token });
        // Others run in between, as they would.
        await new Promise((resolve) => setImmediate(resolve));
        await lock.release();
      }),
    );
  }

  it('costs Redis one call a round, and gives each hold a larger token', async () => {
    const one = pod({ count: 9, time: 10_000 });
    const grants: Grant[] = [];
    const before = await scriptCalls();

    await crowd('one', one, 100, grants);

    // 10 leases of 10 holds: one call to acquire, nine that release and rejoin, one to release.
    expect((await scriptCalls()) - before).toBe(11);
    expect(grants).toHaveLength(100);
    expect(grants.map(({ token }) => token)).toEqual(
      grants.map(({ token }) => token).sort(ascending),
    );
    expect(new Set(grants.map(({ token }) => token)).size).toBe(100);
  });

  it('passes nobody of another process over for more than one bound', async () => {
    const bound = 5;
    const one = pod({ count: bound, time: 10_000 });
    const other = pod({ count: bound, time: 10_000 });
    const first = await one.locks.acquire(KEY);
    const grants: Grant[] = [];
    const ones = crowd('one', one, 40, grants);
    const others = crowd('other', other, 1, grants);
    await waiting(other, 1);
    await untilHeard(server.url, `lock:${KEY}`);

    await first.release();
    await Promise.all([ones, others]);

    const place = grants.findIndex(({ name }) => name === 'other');
    expect(place).toBe(bound);
    expect(tokensGrow(grants)).toBe(true);
  });

  it('gives two crowded processes their turns by bounds', async () => {
    const bound = 3;
    const pods = [
      pod({ count: bound, time: 10_000 }),
      pod({ count: bound, time: 10_000 }),
    ] as const;
    const grants: Grant[] = [];
    const first = await pods[0].locks.acquire(KEY);
    const crowds = [crowd('a', pods[0], 20, grants), crowd('b', pods[1], 20, grants)];
    await waiting(pods[1], 1);
    await untilHeard(server.url, `lock:${KEY}`);

    await first.release();
    await Promise.all(crowds);

    expect(longestRun(grants, 32)).toBeLessThanOrEqual(bound + 1);
    expect(tokensGrow(grants)).toBe(true);
  });

  it('goes round after its time, however many hand-overs are left', async () => {
    const one = pod({ count: 1_000_000, time: 0 });
    const grants: Grant[] = [];
    const before = await scriptCalls();

    await crowd('one', one, 20, grants);

    expect((await scriptCalls()) - before).toBe(21);
    expect(tokensGrow(grants)).toBe(true);
  });

  it('fair: true keeps strict order of arrival across processes', async () => {
    const pods = [pod(), pod(), pod()];
    const first = await (pods[0] as Pod).locks.acquire(KEY);
    const order: number[] = [];
    const done: Promise<void>[] = [];
    for (let place = 0; place < 12; place += 1) {
      const { locks } = pods[place % 3] as Pod;
      done.push(
        locks.using(KEY, { fair: true }, () => {
          order.push(place);
        }),
      );
      await waiting(pods[0] as Pod, place + 1);
    }

    await first.release();
    await Promise.all(done);

    expect(order).toEqual(Array.from({ length: 12 }, (_, place) => place));
  });

  it('Tokens: the next one is larger, although the last one that was used is ahead of the clock', async () => {
    const callers = new Callers(pod().store);
    const grant = await callers.take(KEY);

    expect(await callers.release(grant, grant.lastToken)).toBe(true);
    const next = await callers.take(KEY);

    expect(next.token).toBeGreaterThan(grant.lastToken);
    expect(await callers.release(next)).toBe(true);
  });

  it('No silent loss: every hold of a lease is lost with it, and the next tokens are larger', async () => {
    const one = pod({ count: 64, time: 10_000 });
    const first = await one.locks.acquire(KEY, { leaseTime: 300 });
    const second = one.locks.acquire(KEY, { leaseTime: 300 });
    await first.release();
    const heir = await second;
    const third = one.locks.acquire(KEY, { leaseTime: 300 });

    await admin.del(`lock:${KEY}`);

    // The heir's lease ends at its next renewal; who waits behind it asks Redis anew.
    const next = await third;
    expect(heir.signal.aborted).toBe(true);
    expect(heir.token).toBe(first.token + 1);
    expect(next.token).toBeGreaterThan(heir.token);
    expect(await heir.release()).toBe(false);
    expect(next.isHeld()).toBe(true);
    await next.release();
  });
});

interface Grant {
  readonly name: string;
  readonly token: number;
}

function ascending(a: number, b: number): number {
  return a - b;
}

function tokensGrow(grants: readonly Grant[]): boolean {
  return grants.every(({ token }, i) => i === 0 || token > (grants[i - 1]?.token ?? 0));
}

/** The most grants to one process in a row, while both still have waiters. */
function longestRun(grants: readonly Grant[], until: number): number {
  let longest = 0;
  let run = 0;
  for (let i = 0; i < until; i += 1) {
    run = grants[i]?.name === grants[i - 1]?.name ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
