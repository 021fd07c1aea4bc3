import { Injectable, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Locked, LockLostError, RedisLockModule, currentLock } from '../../../lib/index.js';
import { detailOf } from '../../../lib/lock/lock.errors.js';
import { Proxy } from '../../faults/arena/proxy.js';
import { Gate } from '../../support/gate.js';
import { commandCounts, resetCommands } from '../../support/redis-probe.js';
import { startRedis } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import {
  connect,
  Heard,
  LeaseEnds,
  neighbour,
  openStand,
  StallMeter,
  type Stand,
} from './stand.js';

const LEASE = 2_000;
/** The lead over the end of a lease is 1 % and 2 ms; whoever stalls half as long is paused. */
const NO_STALL = 10;

const aborted = (signal: AbortSignal): Promise<number> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(Date.now())));

describe('a lock that is lost', () => {
  let stand: Stand;
  afterEach(() => stand.close());

  it('No silent loss: the signal leads the end of the lease on the server, in 200 losses', async () => {
    stand = await openStand({ leaseTime: LEASE, handOver: { count: 0, time: 0 } });
    const { locks, proxy, admin } = stand;
    const keys = Array.from({ length: 200 }, (_, i) => `order:${String(i)}`);
    const meter = new StallMeter();
    const ends = new LeaseEnds(admin, keys);
    const losses = new Map<string, { at: number; stall: number }>();
    const lost = keys.map(async (key, i) => {
      // At 200 moments, so that they are not lost in one look.
      await sleep(i * 5);
      const lock = await locks.acquire(key);
      await aborted(lock.signal).then((at) => losses.set(key, { at, stall: meter.stall }));
      expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    });
    await sleep(1_500);
    proxy.halfOpen('both', true);
    while (losses.size < keys.length) {
      await ends.look();
      await sleep(150);
    }
    await Promise.all(lost);
    meter.stop();

    const leads = keys.map((key) => {
      const { at, stall } = losses.get(key)!;
      return { lead: ends.seen.get(key)! - at, stall };
    });
    // A process that does not run cannot tell: what it noticed late by that is not counted.
    const running = leads.filter(({ stall }) => stall < NO_STALL);
    expect(running.length).toBeGreaterThan(50);
    expect(running.filter(({ lead }) => lead <= 0)).toEqual([]);
    // Nor was it much too early: most of a lease was used.
    expect(Math.max(...leads.map(({ lead }) => lead))).toBeLessThan(LEASE / 2);
  });

  it('one failed renewal is announced and tried again', async () => {
    stand = await openStand({ leaseTime: LEASE });
    const { locks, admin } = stand;
    const suspect = new Heard('nest-locked:suspect');
    const renew = new Heard('nest-locked:renew');
    const lock = await locks.acquire('order:1');
    const value = await admin.get('lock:order:1');
    await admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval');
    await suspect.count(1);
    await admin.call('ACL', 'SETUSER', 'default', '+@all');
    await renew.count(1);
    suspect.stop();
    renew.stop();
    expect(suspect.events).toMatchObject([{ key: 'order:1', token: lock.token }]);
    expect(lock.isHeld()).toBe(true);
    expect(lock.signal.aborted).toBe(false);
    expect(await admin.get('lock:order:1')).toBe(value);
    expect(await lock.release()).toBe(true);
  });

  it('No silent loss: a renewal that hangs aborts the signal in time', async () => {
    stand = await openStand({ leaseTime: LEASE });
    const { locks, server, admin } = stand;
    const renew = new Heard('nest-locked:renew');
    const meter = new StallMeter();
    const lock = await locks.acquire('order:1');
    const ended = aborted(lock.signal);
    await renew.count(1);
    renew.stop();
    const end = await admin.pexpiretime('lock:order:1');
    server.pause();
    const at = await ended;
    const { stall } = meter;
    meter.stop();
    expect(end - at).toBeGreaterThan(stall < NO_STALL ? 0 : -stall);
    expect(() => lock.assertHeld()).toThrow(LockLostError);
    server.resume();
    expect(await lock.release()).toBe(false);
  });

  it('a lease of 50 ms causes no storm of commands', async () => {
    stand = await openStand({ leaseTime: 50 });
    const { locks, server } = stand;
    await locks.using('warm', () => undefined);
    await resetCommands(server.url);
    const begun = performance.now();
    const lock = await locks.acquire('order:1');
    await sleep(500);
    const lasted = performance.now() - begun;
    const counts = await commandCounts(server.url);
    // Every third of a lease is every 16 ms.
    expect(counts.get('evalsha')).toBeLessThan(lasted / 8);
    await lock.release();
  });

  it('nor does one on a server that refuses to renew it', async () => {
    stand = await openStand({ leaseTime: 50 });
    const { locks, admin } = stand;
    await locks.using('warm', () => undefined);
    const lock = await locks.acquire('order:1');
    const ended = aborted(lock.signal);
    await admin.config('RESETSTAT');
    await admin.call('ACL', 'SETUSER', 'default', '-evalsha', '-eval');
    await ended;
    const stats = await admin.info('commandstats');
    await admin.call('ACL', 'SETUSER', 'default', '+@all');
    const rejected = /cmdstat_evalsha:.*rejected_calls=(\d+)/.exec(stats)?.[1];
    expect(Number(rejected)).toBeLessThan(24);
  });

  it('No silent loss: after a blocked event loop the first thing the holder learns is that it lost', async () => {
    stand = await openStand({ leaseTime: 200 });
    const { locks, server } = stand;
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    block(300);
    expect(() => lock.assertHeld()).toThrow(LockLostError);
    expect(lock.isHeld()).toBe(false);
    expect(lock.signal.aborted).toBe(true);
    expect(signal.aborted).toBe(true);

    // Without anybody asking it: by the next turn of the event loop.
    const second = await locks.acquire('order:2');
    const quiet = second.signal;
    block(300);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(quiet.aborted).toBe(true);

    const next = await neighbour(server.port, async (others) => {
      const theirs = await others.acquire('order:1');
      expect(await lock.release()).toBe(false);
      theirs.assertHeld();
      return theirs.token;
    });
    expect(next).toBeGreaterThan(lock.token);
  });

  it('No silent loss: an answer that was read after the pause does not bring it back', async () => {
    stand = await openStand({ leaseTime: 300 });
    const { locks, admin } = stand;
    const lock = await locks.acquire('order:1');
    const { signal } = lock;
    // Sent, and answered while nobody listens.
    const extended = lock.extend().catch((error: unknown) => error);
    await Promise.resolve();
    await new Promise((resolve) => process.nextTick(resolve));
    block(500);
    expect(await extended).toBeInstanceOf(LockLostError);
    expect(signal.aborted).toBe(true);
    await until('no key', async () => (await admin.dbsize()) === 0);
  });

  it('maxHoldTime is an upper bound: the server keeps the lock no longer, and gives it to the next', async () => {
    stand = await openStand({ leaseTime: LEASE });
    const { locks, admin, server } = stand;
    const renew = new Heard('nest-locked:renew');
    const ends = new LeaseEnds(admin, ['order:1']);
    const maxHoldTime = LEASE * 1.5;
    const begun = Date.now();
    const lock = await locks.acquire('order:1', { maxHoldTime });
    const granted = Date.now();
    let at = 0;
    void aborted(lock.signal).then((moment) => (at = moment));
    while (at === 0) {
      await ends.look();
      await sleep(20);
    }
    renew.stop();
    expect(detailOf(lock.signal.reason)).toContain('maxHoldTime');
    // A renewal that was not cut would have reached a whole lease further.
    expect(ends.seen.get('order:1')).toBeLessThan(granted + maxHoldTime + LEASE / 4);
    expect(at).toBeGreaterThan(begun + maxHoldTime / 2);
    expect(renew.events.length).toBeLessThan(6);
    await neighbour(server.port, (others) => others.using('order:1', () => undefined));
    expect(await lock.release()).toBe(false);
  });

  it('No silent loss: on a server that came back without them, all locks are lost at once', async () => {
    stand = await openStand({ leaseTime: 120_000 });
    const { locks, server } = stand;
    const lost = new Heard('nest-locked:lost');
    const held = await Promise.all(['a', 'b', 'c'].map((key) => locks.acquire(key)));
    const signals = held.map(({ signal }) => signal);
    await server.restart();
    const back = performance.now();
    await lost.count(3);
    lost.stop();
    // The next renewal would be 40 s after the grant.
    expect(performance.now() - back).toBeLessThan(20_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  it('No silent loss: on a server that kept them, all leases are confirmed at once', async () => {
    stand = await openStand({ leaseTime: 120_000 });
    const { locks, proxy } = stand;
    const renew = new Heard('nest-locked:renew');
    const held = await Promise.all(['a', 'b', 'c'].map((key) => locks.acquire(key)));
    proxy.cut('both');
    await renew.count(3);
    renew.stop();
    expect(held.every((lock) => lock.isHeld())).toBe(true);
  });

  describe('extend', () => {
    it('longer or shorter: the holder never believes longer than the server keeps it', async () => {
      stand = await openStand({ leaseTime: LEASE });
      const { locks, admin } = stand;
      const lock = await locks.acquire('order:1');
      for (const ms of [60_000, 1_000, 5_000, 900, 30_000]) {
        await lock.extend(ms);
        const end = await admin.pexpiretime('lock:order:1');
        expect(lock.expiresAt).toBeLessThan(end);
        expect(end - lock.expiresAt).toBeLessThan(ms * 0.01 + 1_000);
        expect(await admin.pttl('lock:order:1')).toBeLessThanOrEqual(ms);
      }
      expect(await lock.release()).toBe(true);
    });

    it('shorter with its answer lost: the signal aborts before the server lets go', async () => {
      stand = await openStand({ leaseTime: 60_000 });
      const { locks, proxy, admin } = stand;
      const meter = new StallMeter();
      const lock = await locks.acquire('order:1');
      const ended = aborted(lock.signal);
      // Executed, and nobody hears of it; the renewals that follow it do not arrive at all.
      proxy.swallowReplies('both', 20_000);
      const extended = lock.extend(LEASE).catch((error: unknown) => error);
      const ends = new LeaseEnds(admin, ['order:1']);
      await until('executed', async () => (await admin.pttl('lock:order:1')) <= LEASE);
      proxy.halfOpen('both', true);
      let at = 0;
      void ended.then((moment) => (at = moment));
      while (at === 0) {
        await ends.look();
        await sleep(20);
      }
      const { stall } = meter;
      meter.stop();
      expect(ends.seen.get('order:1')! - at).toBeGreaterThan(stall < NO_STALL ? 0 : -stall);
      proxy.heal();
      expect(await extended).toBeInstanceOf(Error);
    });
  });
});

describe('a lock lost while the method runs', () => {
  it('No silent loss: the signal aborts before the lease ends on the server, and the call rejects', async () => {
    const server = await startRedis();
    const proxy = await Proxy.open(() => server.port);
    const admin = connect(server.port);
    const meter = new StallMeter();
    const begun = new Gate();
    let at = 0;

    @Injectable()
    class Work {
      @Locked('work')
      async run(): Promise<string> {
        const { signal } = currentLock();
        begun.open();
        at = await aborted(signal);
        return 'done all the same';
      }
    }
    @Module({
      imports: [
        RedisLockModule.forRoot({
          connection: { host: '127.0.0.1', port: proxy.port },
          leaseTime: LEASE,
          shutdownTimeout: 0,
        }),
      ],
      providers: [Work],
    })
    class App {}

    let app: INestApplicationContext | undefined;
    try {
      app = await NestFactory.createApplicationContext(App, { logger: false });
      const outcome = app
        .get(Work)
        .run()
        .catch((error: unknown) => error);
      await begun.opened;
      proxy.halfOpen('both', true);
      const ends = new LeaseEnds(admin, ['work']);
      while (at === 0) {
        await ends.look();
        await sleep(20);
      }
      const { stall } = meter;
      expect(ends.seen.get('work')! - at).toBeGreaterThan(stall < NO_STALL ? 0 : -stall);
      expect(await outcome).toBeInstanceOf(LockLostError);
    } finally {
      meter.stop();
      proxy.heal();
      await app?.close();
      admin.disconnect();
      proxy.close();
      await server.stop();
    }
  });
});

/** Nothing else runs meanwhile. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
