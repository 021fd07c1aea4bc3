import type { Redis } from 'ioredis';
import type { StoreLog } from '../store-log.js';
import type { RedisClient } from './redis-client.js';

/** The options of ioredis, as it takes them itself; the most common ones by name. */
export interface RedisConnectionOptions {
  host?: string;
  port?: number;
  path?: string;
  db?: number;
  username?: string;
  password?: string;
  keyPrefix?: string;
  tls?: object;
  sentinels?: { host: string; port: number }[];
  /** The name of the master that Sentinels know. */
  name?: string;
  [option: string]: unknown;
}

/** Where Redis is, as the module's options say it. */
export type RedisConnection = string | RedisConnectionOptions | RedisClient;

/** After an outage ioredis keeps a process alive for so long when it is told to disconnect, in ms. */
const DISCONNECT_TIMEOUT = 200;

/**
 * Makes the client that the options ask for, or takes the user's own. Ours connects when greeted
 * or first used, so that an application that does not get as far leaves nothing open; it goes on
 * trying when Redis is away, and says so once an outage, not once an attempt.
 */
export async function openConnection(
  connection: RedisConnection,
  log: StoreLog,
): Promise<{ client: RedisClient; ownsClient: boolean }> {
  if (typeof connection === 'object' && isRedisClient(connection)) {
    warnOfEviction(connection, log);
    return { client: connection, ownsClient: false };
  }
  const { Redis } = await loadDriver();
  const own = {
    connectionName: 'nest-locked',
    lazyConnect: true,
    disconnectTimeout: DISCONNECT_TIMEOUT,
  };
  const client =
    typeof connection === 'string'
      ? new Redis(connection, own)
      : new Redis({ ...own, ...connection, lazyConnect: true });
  logOutages(client, log);
  warnOfEviction(client, log);
  return { client, ownsClient: true };
}

/** By its shape: the application may have another copy of ioredis than this package. */
export function isRedisClient(connection: object): connection is RedisClient {
  return ['evalsha', 'subscribe', 'defineCommand', 'on'].every(
    (name) => typeof Reflect.get(connection, name) === 'function',
  );
}

/** Only when a connection is to be opened: other stores do not need it. */
async function loadDriver(): Promise<{ Redis: typeof Redis }> {
  try {
    return await import('ioredis');
  } catch (error) {
    throw new Error(
      'a connection to Redis needs the package ioredis, which is not installed: npm install ioredis',
      { cause: error },
    );
  }
}

function logOutages(client: Redis, log: StoreLog): void {
  let isAway = false;
  client.on('error', (error: Error) => {
    if (isAway) return;
    isAway = true;
    const reason = error.message === '' ? String(Reflect.get(error, 'code')) : error.message;
    log.error(`Redis is away, no locks until it is back: ${reason}`);
  });
  client.on('ready', () => {
    if (isAway) log.log('Redis is back');
    isAway = false;
  });
}

/** A lock that the server may throw away to make room is a lock that may be lost at any time. */
function warnOfEviction(client: RedisClient, log: StoreLog): void {
  const look = (): void => {
    client.off('ready', look);
    // Not every server and not every user may be asked.
    client.info('memory').then(warn, () => undefined);
  };
  const warn = (memory: unknown): void => {
    const policy = /maxmemory_policy:(\S+)/.exec(String(memory))?.[1] ?? 'noeviction';
    if (policy === 'noeviction') return;
    log.warn(
      `Redis may evict locks when its memory is full (maxmemory-policy ${policy}); an evicted lock is lost. Use noeviction, or a Redis of their own for locks`,
    );
  };
  // Nothing goes to a server that was not asked for.
  if (client.status === 'ready') look();
  else client.on('ready', look);
}
