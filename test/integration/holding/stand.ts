import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Redis } from 'ioredis';

import type { LockEvent } from '../../../lib/lock/lock-events.js';
import type { LockServiceOptions } from '../../../lib/lock/lock-service-options.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Proxy } from '../../faults/arena/proxy.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';

/** A service behind a proxy in front of a Redis, and a way round the proxy. */
export interface Stand {
  readonly server: RedisServer;
  readonly proxy: Proxy;
  readonly locks: LockService;
  readonly store: RedisStore;
  /** What the service uses, through the proxy. */
  readonly client: Redis;
  /** Straight to the server. */
  readonly admin: Redis;
  close(): Promise<void>;
}

export interface StandOptions extends Partial<Omit<LockServiceOptions, 'store'>> {
  readonly answerTimeout?: number;
}

export async function openStand(options: StandOptions = {}): Promise<Stand> {
  const { answerTimeout = 2_000, ...service } = options;
  const server = await startRedis();
  const proxy = await Proxy.open(() => server.port);
  const client = connect(proxy.port);
  const admin = connect(server.port);
  const store = new RedisStore({ client, answerTimeout });
  const locks = new LockService({ store, shutdownTimeout: 100, ...service });
  await client.ping();
  return {
    server,
    proxy,
    locks,
    store,
    client,
    admin,
    async close() {
      proxy.heal();
      server.resume();
      await locks.close();
      client.disconnect();
      admin.disconnect();
      proxy.close();
      await server.stop();
    },
  };
}

/** A client that comes back soon and says nothing of its troubles. */
export function connect(port: number, db = 0): Redis {
  const options = { db, retryStrategy: () => 20, disconnectTimeout: 100 };
  const client = new Redis(port, '127.0.0.1', options);
  client.on('error', () => undefined);
  return client;
}

/** Another process's share of the same Redis: a store of its own over a client of its own. */
export async function neighbour<T>(
  port: number,
  work: (locks: LockService) => Promise<T>,
): Promise<T> {
  const client = connect(port);
  const locks = new LockService({ store: new RedisStore({ client }), shutdownTimeout: 100 });
  try {
    return await work(locks);
  } finally {
    await locks.close();
    client.disconnect();
  }
}

/** What a channel tells from now on. */
export class Heard {
  readonly events: LockEvent[] = [];
  private wake: () => void = () => undefined;
  private readonly listen = (event: unknown): void => {
    this.events.push(event as LockEvent);
    this.wake();
  };

  constructor(private readonly channel: string) {
    subscribe(channel, this.listen);
  }

  /** Resolves when so many have been told. */
  async count(many: number): Promise<void> {
    while (this.events.length < many) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  stop(): void {
    unsubscribe(this.channel, this.listen);
  }
}

/**
 * How long the process was kept from running just now. What a machine under load does to a process
 * is a pause, which no timer can be on time in.
 */
export class StallMeter {
  private last = performance.now();
  private gap = 0;
  private readonly timer = setInterval(() => {
    const now = performance.now();
    this.gap = now - this.last;
    this.last = now;
  }, 2);

  get stall(): number {
    return Math.max(this.gap, performance.now() - this.last);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

/** When the server ends the leases of some keys, in ms since the epoch, as last seen. */
export class LeaseEnds {
  readonly seen = new Map<string, number>();

  constructor(
    private readonly admin: Redis,
    private readonly keys: readonly string[],
  ) {}

  async look(): Promise<void> {
    const asked = this.keys.map((key) => this.admin.pexpiretime(`lock:${key}`));
    const ends = await Promise.all(asked);
    ends.forEach((end, i) => {
      if (end > 0) this.seen.set(this.keys[i]!, end);
    });
  }
}
