import type { Redis } from 'ioredis';

import { LockLostError } from '../../../lib/lock/lock.errors.js';
import type { LockService } from '../../../lib/lock/lock.service.js';
import { Proxy } from '../../faults/arena/proxy.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { connect, neighbour, openStand, type Stand } from './stand.js';

/** Takes and gives back; the token it had. */
const tokenOf = (locks: LockService, key: string): Promise<number> =>
  locks.using(key, { waitTime: 20_000 }, (lock) => lock.token);

describe('tokens only grow', () => {
  let stand: Stand;
  beforeEach(async () => {
    stand = await openStand({ leaseTime: 2_000, waitTime: 20_000 });
  });
  afterEach(() => stand.close());

  const elsewhere = (key = 'order:1'): Promise<number> =>
    neighbour(stand.server.port, (others) => tokenOf(others, key));

  it('Tokens: grow from one holder to the next, and over all keys', async () => {
    let last = 0;
    for (let i = 0; i < 50; i += 1) {
      const token = await tokenOf(stand.locks, 'order:1');
      expect(token).toBeGreaterThan(last);
      expect(Number.isSafeInteger(token)).toBe(true);
      last = token;
    }
    expect(await elsewhere()).toBeGreaterThan(last);
    expect(await stand.admin.dbsize()).toBe(0);
  });

  it('Tokens: an expired holder has less than the one after it', async () => {
    const lock = await stand.locks.acquire('order:1');
    stand.proxy.halfOpen('both', true);
    expect(await elsewhere()).toBeGreaterThan(lock.token);
  });

  it('Tokens: grow across FLUSHALL, after locks were handed over inside a process', async () => {
    const tokens: number[] = [];
    const work = Array.from({ length: 200 }, () =>
      stand.locks.using('order:1', async (lock) => {
        tokens.push(lock.token);
        if (tokens.length === 150) await stand.admin.flushall();
      }),
    );
    const outcomes = await Promise.allSettled(work);
    // Who held it then has lost it, and is told so.
    const told = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : [],
    );
    for (const error of told) expect(error).toBeInstanceOf(LockLostError);
    expect(told.length).toBeGreaterThan(0);
    const sorted = [...tokens].sort((a, b) => a - b);
    expect(tokens).toEqual(sorted);
    expect(new Set(tokens).size).toBe(200);
    await stand.admin.flushall();
    expect(await elsewhere()).toBeGreaterThan(tokens.at(-1)!);
  });

  it('Tokens: grow across a restart without persistence', async () => {
    const lock = await stand.locks.acquire('order:1', { leaseTime: 60_000 });
    await stand.server.restart();
    const next = await elsewhere();
    expect(next).toBeGreaterThan(lock.token);
    await expect(lock.extend()).rejects.toThrow(LockLostError);
    expect(await tokenOf(stand.locks, 'order:1')).toBeGreaterThan(next);
  });
});

describe('across a failover to a replica', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let proxy: Proxy;
  let upstream: number;
  const clients: Redis[] = [];

  const direct = (server: RedisServer): Redis => {
    const client = connect(server.port);
    clients.push(client);
    return client;
  };

  beforeEach(async () => {
    master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${String(master.port)}`] });
    const info = direct(replica);
    await until(
      'in sync',
      async () => (await info.info('replication')).includes('master_link_status:up'),
      20_000,
    );
    upstream = master.port;
    proxy = await Proxy.open(() => upstream);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    proxy.close();
    await Promise.all([master.stop(), replica.stop()]);
  });

  /** What Sentinel does. */
  async function failOver(): Promise<void> {
    await master.kill();
    await direct(replica).replicaof('NO', 'ONE');
    upstream = replica.port;
    proxy.cut('both');
  }

  it('Tokens: grow across a failover to a replica that knows of the lock', async () => {
    await neighbour(proxy.port, async (locks) => {
      const lock = await locks.acquire('order:1', { leaseTime: 2_000 });
      expect(await direct(master).wait(1, 5_000)).toBe(1);
      await until('there', async () => (await direct(replica).exists('lock:order:1')) === 1);
      await failOver();
      // Still ours, on another server.
      await lock.extend();
      lock.assertHeld();
      await neighbour(proxy.port, async (others) => {
        expect(await others.tryAcquire('order:1')).toBeNull();
        const next = tokenOf(others, 'order:1');
        expect(await lock.release()).toBe(true);
        expect(await next).toBeGreaterThan(lock.token);
      });
    });
  });

  it('Tokens: grow across a failover to a replica that had not heard of it yet', async () => {
    await neighbour(proxy.port, async (locks) => {
      await direct(replica).replicaof('NO', 'ONE');
      const lock = await locks.acquire('order:1', { leaseTime: 60_000 });
      await failOver();
      await neighbour(proxy.port, async (others) => {
        const next = await others.acquire('order:1', { waitTime: 20_000 });
        expect(next.token).toBeGreaterThan(lock.token);
        await expect(lock.extend()).rejects.toThrow(LockLostError);
        expect(lock.signal.aborted).toBe(true);
        next.assertHeld();
        expect(await next.release()).toBe(true);
      });
    });
  });
});
