import { Redis, type RedisOptions } from 'ioredis';

import type { StoreLog } from '../../../lib/stores/store-log.js';
import { RedisStore, type RedisStoreOptions } from '../../../lib/stores/redis/redis-store.js';
import { Callers } from '../../support/callers.js';
import { probe } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { Valve, type Which } from '../../support/valve.js';
import { switchOver, untilRole } from './replica.js';

/** A Redis, a store behind a valve, and another process's store beside it. */
export interface Site {
  readonly server: RedisServer;
  readonly valve: Valve;
  /** Straight to the server. */
  readonly admin: Redis;
  /** Its connections lead through the valve. */
  readonly here: Callers;
  /** As another process, whose connections nothing is done to. */
  readonly there: Callers;
  /** Those of `here` and `there`. */
  readonly clients: readonly [Redis, Redis];
  /** One more process. */
  another(options?: Partial<RedisStoreOptions>): Callers;
  /** Makes a replica the master, and brings all clients to it, or only some of their connections. */
  failOver(replica: RedisServer, which?: Which): Promise<void>;
  /** What holds or waits, or was left behind. */
  keys(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openSite(
  options: Partial<RedisStoreOptions> = {},
  started?: RedisServer,
): Promise<Site> {
  const server = started ?? (await startRedis());
  let { port } = server;
  const valve = await Valve.start(() => port);
  const way = await Valve.start(() => port);
  const clients = [connect(valve.port), connect(way.port)] as const;
  const admin = connect(server.port);
  const stores: RedisStore[] = [];
  const others: Redis[] = [];
  const storeOn = (client: Redis, further = options): Callers => {
    // Silence is none of what is shown here, however busy the machine is.
    const store = new RedisStore({ client, answerTimeout: 20_000, ...further });
    stores.push(store);
    return new Callers(store);
  };
  const [here, there] = [storeOn(clients[0]), storeOn(clients[1])];
  await Promise.all([...clients, admin].map((client) => client.ping()));
  return {
    server,
    valve,
    admin,
    here,
    there,
    clients,
    another: (further = {}) => {
      const client = (further.client as Redis | undefined) ?? connect(server.port);
      others.push(client);
      return storeOn(client, { ...options, ...further });
    },
    failOver: async (replica, which) => {
      // Nothing reaches the old master once it is a replica: it would refuse it.
      for (const one of [way, valve]) one.hold('up', which);
      await switchOver(server, replica);
      port = replica.port;
      for (const one of [way, valve]) {
        one.cut(which);
        one.open(['up']);
      }
      await untilRole(server, 'slave');
    },
    keys: () => probe(`redis://127.0.0.1:${port}`, (client) => client.keys('*')),
    close: async () => {
      valve.open();
      server.resume();
      await Promise.all(stores.map((store) => store.close()));
      for (const client of [...clients, ...others, admin]) client.disconnect();
      valve.close();
      way.close();
      await server.stop();
    },
  };
}

/** A client that comes back soon and says nothing of its troubles. */
export function connect(port: number, options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const client = new Redis(port, '127.0.0.1', {
    retryStrategy: () => 20,
    disconnectTimeout: 100,
    ...options,
  });
  client.on('error', () => undefined);
  return client;
}

/** What operators were told, a level and a sentence each. */
export class NotedLog implements StoreLog {
  readonly lines: string[] = [];
  log(message: string): void {
    this.lines.push(`log ${message}`);
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }
  error(message: string): void {
    this.lines.push(`error ${message}`);
  }
}
