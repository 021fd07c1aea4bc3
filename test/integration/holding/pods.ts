import type { Redis } from 'ioredis';

import type { LockServiceOptions } from '../../../lib/lock/lock-service-options.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore, type RedisStoreOptions } from '../../../lib/stores/redis/redis-store.js';
import { commandCounts } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { Valve } from '../../support/valve.js';
import { connect } from './stand.js';

/** What one process has: a client behind a valve of its own, a store and a service. */
export interface Pod {
  readonly locks: LockService;
  readonly store: RedisStore;
  readonly client: Redis;
  readonly valve: Valve;
}

export type PodOptions = Partial<Omit<LockServiceOptions, 'store'>> &
  Pick<RedisStoreOptions, 'keyPrefix' | 'answerTimeout'>;

/** Several processes, as far as locks can tell, on one Redis. */
export class Pods {
  private readonly pods: Pod[] = [];

  private constructor(
    readonly server: RedisServer,
    readonly admin: Redis,
  ) {}

  static async start(): Promise<Pods> {
    const server = await startRedis();
    return new Pods(server, connect(server.port));
  }

  async open(options: PodOptions = {}): Promise<Pod> {
    const { keyPrefix, answerTimeout, ...service } = options;
    const valve = await Valve.start(() => this.server.port);
    const client = connect(valve.port);
    const store = new RedisStore({ client, keyPrefix, answerTimeout });
    const locks = new LockService({ store, waitTime: 20_000, shutdownTimeout: 100, ...service });
    // The script is known, and the connection is there.
    await locks.using('warm', () => undefined);
    const pod = { locks, store, client, valve };
    this.pods.push(pod);
    return pod;
  }

  /** Ends all processes; nothing is left of what they held. */
  async close(): Promise<void> {
    for (const { locks, valve, client } of this.pods.splice(0)) {
      valve.open();
      await locks.close();
      client.disconnect();
      valve.close();
    }
    await until('no key', async () => (await this.keys()).length === 0, 4_000).catch(async () => {
      const left = await this.keys();
      await this.admin.flushall();
      throw new Error(`left behind: ${left.join(', ')}`);
    });
  }

  async stop(): Promise<void> {
    this.admin.disconnect();
    await this.server.stop();
  }

  /** How often the script ran since the last `resetCommands`. */
  async scriptCalls(): Promise<number> {
    return (await commandCounts(this.server.url)).get('evalsha') ?? 0;
  }

  async keys(): Promise<string[]> {
    return this.admin.keys('*');
  }
}

/** Opens two processes for each test of a suite, on one Redis for all of them, and ends them after it. */
export function withTwoPods(opened: (pods: Pods, here: Pod, there: Pod) => void): void {
  let pods: Pods;
  beforeAll(async () => {
    pods = await Pods.start();
  });
  beforeEach(async () => opened(pods, await pods.open(), await pods.open()));
  afterEach(() => pods.close());
  afterAll(() => pods.stop());
}

/** Resolves when so many wait for a key in the store. */
export function untilWaiting({ store }: Pod, key: string, count: number): Promise<void> {
  return until(
    `${count} in the queue of ${key}`,
    async () => (await store.inspect(key)).waiting === count,
  );
}

/** What a promise was rejected with. */
export async function problemOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was not rejected');
}
