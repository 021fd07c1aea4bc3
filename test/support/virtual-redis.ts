import { Redis } from 'ioredis';

import { RedisStore } from '../../lib/stores/redis/redis-store.js';
import { ClockedServer } from '../faults/arena/server.js';
import { FakeClock } from '../faults/faketime.js';
import { Callers } from './callers.js';
import { ManualClock } from './manual-clock.js';
import { untilHeard } from './redis-probe.js';

/** The longest pause in which nobody asks, in ms: less than a waiter's place in the queue outlives. */
const LONGEST_JUMP = 45_000;
/** Within this, in ms, the first of those who wait asks again, whatever it knows of the lease. */
const ASKING = 4_000;

/** A client that counts what it sends, and knows the subscribers that the store makes of it. */
class CountingClient extends Redis {
  sent = 0;
  readonly subscribers: CountingClient[] = [];

  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    this.sent += 1;
    return super.sendCommand(...args);
  }

  override duplicate(override?: object): never {
    const subscriber = new CountingClient({ ...this.options, ...override } as never);
    this.subscribers.push(subscriber);
    return subscriber as never;
  }
}

/**
 * Two stores over a client each, as two processes have them, on a real server of their own, and time
 * that passes for all of them when the test says so: the server's clock is set by libfaketime, those
 * of the stores are turned by hand, timer by timer. Who asks, and when, is up to the stores.
 *
 * The server's clock does not stand still in between, it runs slowly: two calls in the same microsecond
 * do not exist, and tokens count those. However slow the machine, no lease ends by that.
 */
export class VirtualRedis {
  readonly stores: readonly [RedisStore, RedisStore];
  /** Of the first store. */
  readonly client: CountingClient;
  private readonly clients: readonly CountingClient[];
  private readonly clock = new ManualClock();
  private passed = 0;

  private constructor(
    private readonly server: ClockedServer,
    private readonly serverClock: FakeClock,
  ) {
    this.clients = [server, server].map(({ port }) => new CountingClient(port, '127.0.0.1'));
    this.client = this.clients[0]!;
    const { clock } = this;
    const [here, there] = this.clients.map((client) => new RedisStore({ client, clock }));
    this.stores = [here!, there!];
  }

  /** @param rate how fast the server's clock runs by itself */
  static async open(library: string, rate = 0.1): Promise<VirtualRedis> {
    const clock = new FakeClock(library, rate);
    const server = await ClockedServer.start(clock);
    if (!server) throw new Error('redis-server does not run under libfaketime');
    const redis = new VirtualRedis(server, clock);
    await redis.hear();
    return redis;
  }

  async close(): Promise<void> {
    for (const store of this.stores) await store.close();
    for (const client of this.clients) client.disconnect();
    await this.server.stop();
    this.serverClock.dispose();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= LONGEST_JUMP) {
      const jump = Math.min(left, LONGEST_JUMP);
      const running = Math.min(jump, ASKING);
      // A pause of the processes, in which no timer fires, and then enough for all who wait to ask.
      this.stepServer(jump - running);
      this.clock.stepMono(jump - running);
      await this.run(running);
    }
  }

  /** Timer by timer: none of the two clocks is ever far from the other. */
  private async run(ms: number): Promise<void> {
    const { clock } = this;
    const end = clock.mono() + ms;
    for (;;) {
      await this.settle();
      const next = Math.max(clock.mono(), Math.min(clock.nextAt, end));
      if (next === end && clock.nextAt > end) break;
      this.move(next - clock.mono());
    }
    this.move(end - clock.mono());
  }

  private move(ms: number): void {
    this.stepServer(ms);
    this.clock.advance(ms);
  }

  private stepServer(ms: number): void {
    if (ms === 0) return;
    this.passed += ms;
    this.serverClock.step(this.passed);
  }

  /**
   * A connection answers in order: behind what was sent, and behind the messages of what was done. When
   * nobody has sent anything since the answers came, nothing is under way.
   */
  async settle(): Promise<void> {
    for (let before = -1; before !== this.sent;) {
      before = this.sent;
      for (const clients of [this.clients, this.clients.flatMap((one) => one.subscribers)]) {
        await Promise.all(clients.map((client) => this.answered(client)));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private async answered(client: CountingClient): Promise<void> {
    if (client.status === 'end') return;
    const answer = client.ping();
    client.sent -= 1;
    await answer;
  }

  private get sent(): number {
    return this.clients
      .flatMap((client) => [client, ...client.subscribers])
      .reduce((sum, { sent }) => sum + sent, 0);
  }

  /** Has both stores wait once: from then on their inboxes are known to be heard. */
  private async hear(): Promise<void> {
    for (const [at, store] of this.stores.entries()) {
      const holder = await new Callers(this.stores[1 - at]!).take('heard');
      const asked = await new Callers(store).waitAsNumber(1, 'heard');
      await untilHeard(`redis://127.0.0.1:${this.server.port}`, 'lock:heard');
      await this.settle();
      asked.leave();
      await new Callers(this.stores[1 - at]!).release(holder);
    }
    await this.settle();
  }
}
