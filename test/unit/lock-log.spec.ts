import { Injectable, Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';

import { Locked, LockService, RedisLockModule } from '../../lib/index.js';
import { TestingStore, VirtualClock } from '../../lib/testing/index.js';

@Injectable()
class Orders {
  constructor(private readonly locks: LockService) {}

  @Locked('order:<0>')
  async pay(_id: number): Promise<void> {}

  @Locked('order:<0>', { waitTime: 0 })
  async hold(id: number, work: (lock: object) => Promise<void>): Promise<void> {
    await work(this.locks.currentLock(`order:${String(id)}`));
  }
}

describe('the log of a service', () => {
  let clock: VirtualClock;
  let store: TestingStore;
  let locks: LockService;
  let lines: string[];
  const log = {
    log: (text: string) => void lines.push(`log ${text}`),
    warn: (text: string) => void lines.push(`warn ${text}`),
    error: (text: string) => void lines.push(`error ${text}`),
  };
  beforeEach(() => {
    lines = [];
    clock = new VirtualClock();
    store = new TestingStore({ clock });
    locks = new LockService({ store, log, longWait: 1_000, shutdownTimeout: 0 });
  });
  afterEach(() => locks.close());
  const quietly = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);

  it('No silent loss: a lock that is lost is a line, with its key and the reason', async () => {
    await locks.acquire('order:1');
    await clock.advance(500);
    await store.lose('order:1');
    expect(lines).toEqual(['error "order:1" was lost: the test took it away (held for 500 ms)']);
  });

  it('Three answers: an outage and a refusal are lines of their own, a busy key is none', async () => {
    store.busy('order:1');
    await quietly(locks.acquire('order:1', { waitTime: 0 }));
    store.refuse(new Error('NOPERM no such permission'));
    await quietly(locks.acquire('order:2'));
    store.unavailable();
    await quietly(locks.acquire('order:3'));
    expect(lines).toEqual([
      expect.stringMatching(/^error .*"order:2".*NOPERM/),
      expect.stringMatching(/^error .*"order:3".*unavailable/),
    ]);
  });

  it('an outage with a thousand requests a second is a line at once and one every ten seconds', async () => {
    store.unavailable();
    for (let second = 0; second < 30; second += 1) {
      const requests = Array.from({ length: 1_000 }, () => quietly(locks.acquire('order:1')));
      await Promise.all(requests);
      await clock.advance(1_000);
    }
    expect(lines.length).toBeLessThanOrEqual(5);
    expect(lines[1]).toBe(
      'error 9999 more locks were not to be had: no answer from the store in the last 10 s',
    );
    const counted = lines.map((text) => Number(/(\d+) more/.exec(text)?.[1] ?? 1));
    store.available();
    await locks.close();
    const last = Number(/(\d+) more/.exec(lines[counted.length] ?? '')?.[1] ?? 0);
    expect(counted.reduce((sum, one) => sum + one, last)).toBe(30_000);
  });

  it('a long wait is a line, with or without success, unless the caller waits without end', async () => {
    const giveBack = store.busy('order:1');
    const short = quietly(locks.acquire('order:1', { waitTime: 900 }));
    const vain = quietly(locks.acquire('order:1', { waitTime: 1_500 }));
    await clock.advance(2_000);
    await Promise.all([short, vain]);
    expect(lines).toEqual(['warn a caller waited 1500 ms for "order:1", in vain']);
    const patient = locks.acquire('order:1', { waitTime: Infinity });
    await clock.advance(20_000);
    lines = [];
    giveBack();
    await (await patient).release();
    expect(lines).toEqual([]);
  });

  it('through Nest: its Logger names the method that asked', async () => {
    const spies = (['error', 'warn'] as const).map((level) =>
      jest
        .spyOn(Logger.prototype, level)
        .mockImplementation((...args: unknown[]) => void lines.push(String(args[0]))),
    );
    const app = await Test.createTestingModule({
      imports: [RedisLockModule.forRoot({ store, longWait: 100 })],
      providers: [Orders],
    }).compile();
    const orders = app.get(Orders);
    await orders
      .hold(1, async () => {
        await store.lose('order:1');
      })
      .catch(() => undefined);
    const giveBack = store.busy('order:2');
    const waiting = orders.pay(2);
    await clock.advance(200);
    giveBack();
    await waiting;
    store.unavailable();
    await quietly(orders.pay(3));
    expect(lines).toEqual([
      expect.stringMatching(/^Orders\.hold: "order:1" was lost/),
      'Orders.pay waited 200 ms for "order:2"',
      expect.stringMatching(/^Orders\.pay: .*"order:3"/),
    ]);
    await app.close();
    for (const spy of spies) spy.mockRestore();
  });

  it('No leftover: a service that is closed has no timer of it', async () => {
    store.unavailable();
    await quietly(locks.acquire('order:1'));
    await quietly(locks.acquire('order:1'));
    await locks.close();
    expect(lines.at(-1)).toContain('1 more');
    const count = lines.length;
    await clock.advance(60_000);
    expect(lines).toHaveLength(count);
  });
});
