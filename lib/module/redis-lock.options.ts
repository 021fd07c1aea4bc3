import { MIN_LEASE_TIME, checkTime } from '../lock/checks.js';
import { LOCK_DEFAULTS } from '../lock/lock-options.js';
import { LockUsageError } from '../lock/lock.errors.js';
import type { HandOverBound } from '../lock/queue/queue-settings.js';
import { readPorts } from '../lock/transactions.js';
import type { TransactionPort } from '../lock/until.js';
import { DEFAULT_HTTP_STATUS, type LockHttpStatus } from '../locked/context/http-answer.js';
import type { LockStore } from '../stores/lock-store.js';
import { isRedisClient, type RedisConnection } from '../stores/redis/redis-connection.js';
import { REDIS_DEFAULTS } from '../stores/redis/redis-store.js';
import { checkNames, checkStore, refuse } from './option-checks.js';

/** What `RedisLockModule.forRoot` and `forRootAsync` take. `undefined` is the default everywhere. */
export interface RedisLockModuleOptions {
  /**
   * Where Redis is: a redis:// or rediss:// URL, the options of ioredis, or a client of your own
   * (`Redis` or `Cluster`), which is used as it is and never closed.
   * @default process.env.REDIS_URL, or redis://127.0.0.1:6379
   */
  connection?: RedisConnection | undefined;
  /**
   * Another place for the locks, such as `new MemoryStore()`; instead of `connection`. It is yours:
   * several applications may share it, and none closes it.
   */
  store?: LockStore | undefined;
  /**
   * What the keys in Redis begin with, before a colon. `''`: a lock's name in Redis is its key, as other
   * libraries have it; `locks.list` then looks at every key of the database.
   * @default 'lock'
   */
  keyPrefix?: string | undefined;
  /**
   * Other libraries take locks under the same names, as while a fleet moves over: a key that is wanted all the
   * time is left free for them for up to 300 ms every 0.3 to 1.5 s. Without it that is done for keys on
   * which a lock of theirs was met in the last five minutes.
   * @default false
   */
  otherLibraries?: boolean | undefined;
  /**
   * How long Redis keeps a lock without a renewal, in ms. Held locks are renewed, so that this is
   * how long nobody else gets in after a holder has crashed. 10 to 2 147 483 647.
   * @default 30_000
   */
  leaseTime?: number | undefined;
  /**
   * How long a caller waits for a lock, in ms; 0 tries once. 0 to 2 147 483 647, or `Infinity`.
   * @default 5_000
   */
  waitTime?: number | undefined;
  /**
   * Serve callers strictly by arrival across all processes. Otherwise a lock may pass to
   * the next caller in the same process first, within `handOver`, which is many times faster.
   * @default false
   */
  fair?: boolean | undefined;
  /**
   * How far a lock is handed over inside a process before the other processes have their turn:
   * `count` hand-overs (a whole number from 0), or `time` ms since it came (from 0), whichever is
   * reached first.
   * @default { count: 64, time: 10 }
   */
  handOver?: Partial<HandOverBound> | undefined;
  /**
   * How long Redis may stay silent before a waiter gets `LockUnavailableError`, in ms; a shorter
   * `waitTime` comes first. 1 to 2 147 483 647.
   * @default 5_000
   */
  unavailableAfter?: number | undefined;
  /**
   * How long running holders may go on at shutdown before their signals abort, in ms. 0 to
   * 2 147 483 647.
   * @default 10_000
   */
  shutdownTimeout?: number | undefined;
  /**
   * How many callers of this process may wait for one key; the next one is told `LockBusyError`
   * at once. A whole number from 1.
   * @default 10_000
   */
  maxWaiters?: number | undefined;
  /**
   * What tells of the application's transactions: a lock that is taken inside one is given back when it
   * has ended. `typeormTransactional()`, `clsTransactional()`, the `port` of a `TransactionScope`, or a
   * function of your own; see `TransactionPort`.
   * @default []
   */
  transactions?: readonly TransactionPort[] | undefined;
  /**
   * From how many ms on a wait for a lock is worth a line in the log; `Infinity`: none is. A wait that was to
   * be without end, by `waitTime: Infinity`, is none either. 0 to 2 147 483 647.
   * @default 2_000
   */
  longWait?: number | undefined;
  /**
   * The HTTP statuses of the lock errors.
   * @default { busy: 423, unavailable: 503, lost: 503, aborted: 503, key: 400, skipped: 204 }
   */
  httpStatus?: Partial<LockHttpStatus> | undefined;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly connection: RedisConnection;
  readonly store: LockStore | undefined;
  readonly keyPrefix: string;
  readonly otherLibraries: boolean;
  readonly leaseTime: number;
  readonly waitTime: number;
  readonly fair: boolean;
  readonly handOver: HandOverBound;
  readonly unavailableAfter: number;
  readonly shutdownTimeout: number;
  readonly maxWaiters: number;
  readonly transactions: readonly TransactionPort[];
  readonly longWait: number;
  readonly httpStatus: LockHttpStatus;
}

const DEFAULT_URL = 'redis://127.0.0.1:6379';

/** Every option by name, and what holds where it is left out. */
const DEFAULTS = {
  connection: undefined,
  store: undefined,
  keyPrefix: REDIS_DEFAULTS.keyPrefix,
  otherLibraries: REDIS_DEFAULTS.otherLibraries,
  ...LOCK_DEFAULTS,
  transactions: [],
  httpStatus: DEFAULT_HTTP_STATUS,
};

const CONNECTION =
  'a redis:// or rediss:// URL, the options of ioredis, or an ioredis client (Redis or Cluster)';

/**
 * Checks the module's options and fills in the defaults; the only place that knows either.
 *
 * @throws LockUsageError that names the option, what it was and what is allowed
 */
export function resolveOptions(options: unknown): ResolvedOptions {
  const given = checkNames('option', options, Object.keys(DEFAULTS)) as RedisLockModuleOptions;
  const { connection, store, keyPrefix, leaseTime, waitTime, fair } = given;
  const { otherLibraries, unavailableAfter, shutdownTimeout, maxWaiters, longWait } = given;
  if (leaseTime !== undefined) checkTime('leaseTime', leaseTime, MIN_LEASE_TIME);
  if (waitTime !== undefined) checkTime('waitTime', waitTime, 0, true);
  if (keyPrefix !== undefined && typeof keyPrefix !== 'string') {
    refuse('keyPrefix', keyPrefix, 'a string');
  }
  if (unavailableAfter !== undefined) checkTime('unavailableAfter', unavailableAfter, 1);
  if (shutdownTimeout !== undefined) checkTime('shutdownTimeout', shutdownTimeout, 0);
  if (longWait !== undefined) checkTime('longWait', longWait, 0, true);
  if (maxWaiters !== undefined && !(Number.isInteger(maxWaiters) && maxWaiters >= 1)) {
    refuse('maxWaiters', maxWaiters, 'a whole number from 1');
  }
  if (otherLibraries !== undefined && typeof otherLibraries !== 'boolean') {
    refuse('otherLibraries', otherLibraries, 'true or false');
  }
  if (fair !== undefined && typeof fair !== 'boolean') refuse('fair', fair, 'true or false');
  if (store !== undefined) checkStore(store);
  if (store !== undefined && connection !== undefined) {
    throw new LockUsageError('connection and store were both given: locks live in one place');
  }
  return {
    connection: resolveConnection(connection),
    store,
    keyPrefix: keyPrefix ?? DEFAULTS.keyPrefix,
    otherLibraries: otherLibraries ?? DEFAULTS.otherLibraries,
    leaseTime: leaseTime ?? DEFAULTS.leaseTime,
    waitTime: waitTime ?? DEFAULTS.waitTime,
    fair: fair ?? DEFAULTS.fair,
    handOver: resolveHandOver(given.handOver),
    unavailableAfter: unavailableAfter ?? DEFAULTS.unavailableAfter,
    shutdownTimeout: shutdownTimeout ?? DEFAULTS.shutdownTimeout,
    maxWaiters: maxWaiters ?? DEFAULTS.maxWaiters,
    transactions: readPorts(given.transactions),
    longWait: longWait ?? DEFAULTS.longWait,
    httpStatus: resolveStatus(given.httpStatus),
  };
}

function resolveConnection(connection: unknown): RedisConnection {
  if (connection === undefined) {
    const { REDIS_URL } = process.env;
    return REDIS_URL === undefined || REDIS_URL === ''
      ? DEFAULT_URL
      : checkUrl('REDIS_URL', REDIS_URL);
  }
  if (typeof connection === 'string') return checkUrl('connection', connection);
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    return refuse('connection', connection, CONNECTION);
  }
  if (!isRedisClient(connection) && typeof Reflect.get(connection, 'sendCommand') === 'function') {
    const made = connection.constructor.name;
    throw new LockUsageError(
      `connection must be ${CONNECTION}, received a client of another library (${made})`,
    );
  }
  return connection as RedisConnection;
}

function checkUrl(name: string, url: string): string {
  if (/^rediss?:\/\//i.test(url) && URL.canParse(url)) return url;
  return refuse(name, shownUrl(url), CONNECTION);
}

/**
 * A password has no place in a message, and in a mistyped URL it may stand anywhere: only what is
 * plainly a host, a port and a database is shown, and otherwise the scheme.
 */
function shownUrl(url: string): string {
  if (/^([a-z]+:\/\/)?[\w.-]+(:\d{1,5})?(\/\d*)?$/i.test(url)) return url;
  return `${/^(rediss?|valkeys?|https?|tcp|unix):(\/\/)?/i.exec(url)?.[0] ?? ''}…`;
}

function resolveStatus(status: unknown): LockHttpStatus {
  if (status === undefined) return DEFAULTS.httpStatus;
  const given = checkNames('httpStatus', status, Object.keys(DEFAULTS.httpStatus));
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of set) {
    const least = name === 'skipped' ? 200 : 400;
    const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= 599;
    if (!fits) refuse(`httpStatus.${name}`, value, `a whole number from ${least} to 599`);
  }
  return { ...DEFAULTS.httpStatus, ...Object.fromEntries(set) };
}

function resolveHandOver(handOver: unknown): HandOverBound {
  if (handOver === undefined) return DEFAULTS.handOver;
  const given = checkNames('handOver', handOver, Object.keys(DEFAULTS.handOver));
  const { count = DEFAULTS.handOver.count, time = DEFAULTS.handOver.time } =
    given as Partial<HandOverBound>;
  if (!Number.isInteger(count) || count < 0) {
    refuse('handOver.count', count, 'a whole number from 0');
  }
  checkTime('handOver.time', time, 0);
  return { count, time };
}
