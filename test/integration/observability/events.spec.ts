import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';

import { Locked, LockService, MemoryStore, RedisLockModule } from '../../../lib/index.js';
import { isListenedTo, lockEvents, type LockEvent } from '../../../lib/lock/lock-events.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { TestingStore } from '../../../lib/testing/index.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep } from '../../support/until.js';
import { connect } from '../holding/stand.js';

const users = new AsyncLocalStorage<string>();

/** An event, how its channel is called, and in whose context it was told. */
interface Told extends LockEvent {
  readonly channel: string;
  readonly user: string | undefined;
}

/** Listens to all channels, or to those that are named. */
class Ear {
  readonly told: Told[] = [];
  private readonly names: string[];
  private readonly listen = (event: unknown, name: string | symbol): void => {
    const channel = String(name).replace('nest-locked:', '');
    this.told.push({ ...(event as LockEvent), channel, user: users.getStore() });
  };

  constructor(...channels: (keyof typeof lockEvents)[]) {
    const keys = channels.length > 0 ? channels : (Object.keys(lockEvents) as typeof channels);
    this.names = keys.map((key) => String(lockEvents[key].name));
    for (const name of this.names) subscribe(name, this.listen);
  }

  /** The channels of one acquisition, in order. */
  story(id: string): string[] {
    return this.told.filter((one) => one.id === id).map(({ channel }) => channel);
  }

  of(channel: string): Told[] {
    return this.told.filter((one) => one.channel === channel);
  }

  stop(): void {
    for (const name of this.names) unsubscribe(name, this.listen);
  }
}

const ENDS = ['granted', 'busy', 'aborted', 'unavailable', 'refused'].map(
  (end) => `acquire:${end}`,
);

@Injectable()
class Orders {
  @Locked('order:<0>')
  async pay(_id: number): Promise<void> {
    await sleep(1);
  }

  @Locked(['account:<0>', 'account:<1>'], { mode: 'shared' })
  async look(_a: string, _b: string): Promise<void> {}

  @Locked('reports:hourly', { waitTime: 0 })
  async hourly(): Promise<void> {}

  @Locked((id: number) => `order:${String(id)}`)
  async byFunction(_id: number): Promise<void> {}
}

describe('the events of locks', () => {
  let server: RedisServer;
  let ear: Ear;
  const services: LockService[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    ear.stop();
    await Promise.all(services.splice(0).map((one) => one.close()));
  });
  afterAll(() => server.stop());

  const open = (kind: 'redis' | 'memory', registration?: string): LockService => {
    const store =
      kind === 'memory'
        ? new MemoryStore()
        : new RedisStore({ client: connect(server.port), ownsClient: true });
    const locks = new LockService({ store, registration, shutdownTimeout: 100 });
    services.push(locks);
    return locks;
  };

  it('name the method, the template of its key, the mode, the registration and the store', async () => {
    ear = new Ear();
    const module = await Test.createTestingModule({
      imports: [RedisLockModule.forRoot({ store: new MemoryStore() })],
      providers: [Orders],
    }).compile();
    const orders = module.get(Orders);
    await orders.pay(42);
    await orders.look('b', 'a');
    await orders.hourly();
    await orders.byFunction(7);
    await module.close();

    const always = { registration: 'default', store: 'memory' };
    const exclusive = { ...always, mode: { kind: 'exclusive' } };
    const shared = { ...always, mode: { kind: 'shared' }, method: 'Orders.look' };
    const both = { ...shared, template: 'account:<0>, account:<1>' };
    const granted = ear.of('acquire:granted');
    expect(granted).toMatchObject([
      { ...exclusive, key: 'order:42', method: 'Orders.pay', template: 'order:<0>' },
      { ...both, key: 'account:a' },
      { ...both, key: 'account:b' },
      { ...exclusive, key: 'reports:hourly', method: 'Orders.hourly' },
      { ...exclusive, key: 'order:7', method: 'Orders.byFunction' },
    ]);
    expect(granted.slice(3).map(({ template }) => template)).toEqual([undefined, undefined]);
    for (const { id } of granted) {
      expect(ear.story(id)).toEqual(['acquire:start', 'acquire:granted', 'release']);
    }
  });

  it.each(Object.keys(lockEvents) as (keyof typeof lockEvents)[])(
    'somebody who listens to %s alone is told in the context of the caller',
    async (channel) => {
      expect(isListenedTo()).toBe(false);
      ear = new Ear(channel);
      expect(isListenedTo()).toBe(true);
      const store = new TestingStore();
      const locks = new LockService({ store, leaseTime: 60, shutdownTimeout: 0 });
      const quietly = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);
      await users.run('user', async () => {
        const renewed = await locks.acquire('order:1');
        await quietly(locks.acquire('order:1', { waitTime: 0 }));
        await quietly(locks.acquire('order:1', { signal: AbortSignal.timeout(5) }));
        const ticket = await (await locks.acquire('order:2')).handOff();
        await (await locks.resume(ticket)).release();
        await sleep(40);
        store.refuse(new Error('of its own'));
        await quietly(locks.acquire('order:3'));
        store.unavailable();
        const proceed = { whenUnavailable: 'proceed' } as const;
        await locks.using('order:3', proceed, () => undefined);
        const { signal } = renewed;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        store.available();
        const last = await locks.acquire('order:4');
        store.unavailable();
        await quietly(last.release());
      });
      await locks.close();
      expect(ear.told.length).toBeGreaterThan(0);
      for (const { user } of ear.told) expect(user).toBe('user');
    },
  );

  it('name the registration that a service was made with', async () => {
    ear = new Ear();
    await open('memory', 'billing').using('order:1', () => undefined);
    expect(new Set(ear.told.map(({ registration }) => registration))).toEqual(new Set(['billing']));
  });

  it.each(['memory', 'redis'] as const)(
    'Own context: each is told in that of its own caller, whoever wakes whom, with a store in %s',
    async (kind) => {
      ear = new Ear();
      const locks = open(kind);
      const call = async (i: number): Promise<void> => {
        const mode = i % 3 === 0 ? ({ mode: 'shared' } as const) : {};
        const waitTime = i % 5 === 0 ? 3 : 10_000;
        const options = { ...mode, waitTime, fair: i % 4 === 0 };
        const work = (): Promise<void> => sleep(1);
        if (i % 7 === 0) await locks.using(['order:1', 'order:2'], options, work);
        else await locks.using(`order:${i % 2}`, options, work);
      };
      const all = Array.from({ length: 60 }, (_, i) =>
        users.run(`user ${i}`, () => call(i).catch(() => undefined)),
      );
      await Promise.all(all);

      const users_ = new Map<string, Set<string | undefined>>();
      for (const { id, user } of ear.told) {
        users_.set(id, (users_.get(id) ?? new Set()).add(user));
      }
      for (const seen of users_.values()) {
        expect(seen.size).toBe(1);
        expect(seen).not.toContain(undefined);
      }
      // As many callers as there were: nobody's events were told in another's name.
      expect(new Set(ear.told.map(({ user }) => user)).size).toBe(60);
    },
  );

  it.each(['memory', 'redis'] as const)(
    'each start has one end, and each hold one, with a store in %s',
    async (kind) => {
      ear = new Ear();
      const locks = open(kind);
      const quietly = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);
      await locks.using('order:1', async () => {
        await quietly(locks.using('order:1', () => undefined));
        await quietly(locks.acquire('order:1', { mode: 'shared', limit: 3 } as never));
      });
      const held = await locks.acquire('order:2', { mode: 'shared' });
      const other = await locks.acquire('order:3');
      // In front, behind, and all of those that cannot be had.
      await quietly(
        locks.using(['order:0', 'order:2', 'order:3', 'order:4'], { waitTime: 20 }, () => 1),
      );
      const signal = AbortSignal.timeout(20);
      await quietly(locks.acquireAll(['order:0', 'order:2', 'order:3'], { signal }));
      const late = locks.acquireAll(['order:1', 'order:3', 'order:4']);
      await sleep(5);
      await other.release();
      await (await late).release();
      expect(await locks.tryAcquire('order:2')).toBeNull();
      // An upgrade is refused as a wrong use.
      await held.run(() => quietly(locks.acquire('order:2')));
      await held.release();
      const ticket = await (await locks.acquire('order:5')).handOff();
      await (await locks.resume(ticket)).release();
      await quietly(locks.resume(ticket));
      const closing = quietly(locks.acquire('order:6'));
      await closing;
      const forgotten = quietly(locks.acquire('order:6'));
      await locks.close();
      await forgotten;
      await quietly(locks.acquire('order:6'));

      const ids = new Set(ear.told.map(({ id }) => id));
      expect(ids.size).toBeGreaterThan(20);
      for (const id of ids) {
        const story = ear.story(id);
        expect(story[0]).toBe('acquire:start');
        expect(story.filter((one) => one === 'acquire:start')).toHaveLength(1);
        const ends = story.filter((one) => ENDS.includes(one));
        expect([id, story, ends.length]).toEqual([id, story, 1]);
        const holdEnds = story.filter((one) => ['release', 'handed-off', 'lost'].includes(one));
        expect([story, holdEnds.length]).toEqual([story, ends[0] === 'acquire:granted' ? 1 : 0]);
      }
      expect(ear.of('handed-off')).toHaveLength(1);
    },
  );

  it('of a lock that was taken while nobody listened: the loss is told all the same, in nobody’s context', async () => {
    const store = new MemoryStore();
    const locks = new LockService({ store });
    services.push(locks);
    const lock = await users.run('first', () => locks.acquire('order:1'));
    ear = new Ear('lost');
    await store.forceRelease('order:1');
    await users.run('second', () => lock.extend().catch(() => undefined));
    expect(ear.told).toMatchObject([{ key: 'order:1', token: lock.token, user: undefined }]);
  });

  it('a loss is told to each who holds through the lease', async () => {
    ear = new Ear('lost');
    const locks = open('redis');
    const readers = await Promise.all(
      ['first', 'second', 'third'].map((user) =>
        users.run(user, () => locks.acquire('order:1', { mode: 'shared' })),
      ),
    );
    await locks.forceRelease('order:1');
    await readers[0]!.extend().catch(() => undefined);
    const lost = ear.of('lost').map(({ user }) => user);
    expect(lost.sort()).toEqual(['first', 'second', 'third'].slice(0, lost.length));
    expect(lost.length).toBeGreaterThan(1);
  });

  it('LockBusyError names the method that asked', async () => {
    ear = new Ear('lost');
    const store = new MemoryStore();
    const module = await Test.createTestingModule({
      imports: [RedisLockModule.forRoot({ store, waitTime: 5 })],
      providers: [Orders],
    }).compile();
    const locks = module.get(LockService);
    const held = await locks.acquireAll(['order:42', 'account:a']);
    const orders = module.get(Orders);
    const busy = { code: 'LOCK_BUSY' };
    await expect(orders.pay(42)).rejects.toMatchObject({ ...busy, method: 'Orders.pay' });
    await expect(orders.look('a', 'b')).rejects.toMatchObject({ ...busy, method: 'Orders.look' });
    await expect(locks.acquire('order:42')).rejects.toMatchObject({ ...busy, method: undefined });
    await held.release();
    await module.close();
  });
});
