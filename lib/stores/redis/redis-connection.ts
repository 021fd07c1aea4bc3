import { Logger } from '@nestjs/common';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisClient } from './redis-client.js';

/** Where Redis is, as the module's options say it. */
export type RedisConnection = string | RedisOptions | RedisClient;

/** A client, and whether it is ours to close. */
export interface OpenedConnection {
  readonly client: RedisClient;
  readonly owned: boolean;
  /** Goes to Redis without being asked for a lock, so that an outage is known from the start. */
  greet(): void;
}

/**
 * A connection that stays open and carries nothing is replaced after this, in ms, when an answer is
 * waited for: nothing else would notice for a quarter of an hour.
 */
const SOCKET_TIMEOUT = 3_000;

/** After an outage ioredis keeps a process alive for so long when it is told to disconnect, in ms. */
const DISCONNECT_TIMEOUT = 200;

/**
 * Makes the client that the options ask for, or takes the user's own. Ours connects when greeted
 * or first used, so that an application that does not get as far leaves nothing open; it goes on
 * trying when Redis is away, and says so once an outage, not once an attempt.
 */
export function openConnection(connection: RedisConnection): OpenedConnection {
  if (typeof connection === 'object' && isRedisClient(connection)) {
    return { client: connection, owned: false, greet: () => undefined };
  }
  const own = {
    connectionName: 'nest-locked',
    lazyConnect: true,
    socketTimeout: SOCKET_TIMEOUT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
  };
  const client =
    typeof connection === 'string' ? new Redis(connection, own) : withOptions(own, connection);
  logOutages(client);
  const greet = (): void => {
    // What went wrong is in the 'error' event.
    if (client.status === 'wait') client.connect().catch(() => undefined);
  };
  return { client, owned: true, greet };
}

function withOptions(own: RedisOptions, connection: RedisOptions): Redis {
  // The one option whose type the constructor does not take as it is declared.
  const options: Omit<RedisOptions, 'replyMapping'> = { ...own, ...connection, lazyConnect: true };
  return new Redis(options);
}

/** By its shape: the application may have another copy of ioredis than this package. */
export function isRedisClient(connection: object): connection is RedisClient {
  return ['evalsha', 'subscribe', 'defineCommand', 'on'].every(
    (name) => typeof Reflect.get(connection, name) === 'function',
  );
}

function logOutages(client: Redis): void {
  const logger = new Logger('RedisLockModule');
  let away = false;
  client.on('error', (error: Error) => {
    if (away) return;
    away = true;
    const reason = error.message === '' ? String(Reflect.get(error, 'code')) : error.message;
    logger.error(`Redis is away, no locks until it is back: ${reason}`);
  });
  client.on('ready', () => {
    if (away) logger.log('Redis is back');
    away = false;
  });
}
