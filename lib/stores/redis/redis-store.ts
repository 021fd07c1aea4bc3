import { systemClock, type Clock, type Timer } from '../../clock.js';
import {
  LockStore,
  StoreUnavailableError,
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type Grant,
  type HolderInfo,
  type LeaseRequest,
  type ListOptions,
  type LockPage,
  type LockState,
  type ReleaseListener,
  type Renewal,
  type StoreTraits,
  type Succession,
} from '../lock-store.js';
import { silentLog, type StoreLog } from '../store-log.js';
import { listKeys } from './list-keys.js';
import type { RedisClient } from './redis-client.js';
import { openConnection, type RedisConnection } from './redis-connection.js';
import { RedisCommands } from './redis-commands.js';

export interface RedisStoreOptions {
  /** An ioredis client, single or Cluster. Used as it is: its `db` and `keyPrefix` are respected. */
  readonly client: RedisClient;
  /** What the names of locks begin with: `‹keyPrefix›:‹key›`, or the key alone where it is `''`. @default 'lock' */
  readonly keyPrefix?: string | undefined;
  /**
   * Other libraries take locks under the same names, as during a migration: a key that is wanted all the
   * time is left free for them from time to time. Otherwise that is done where their locks were met.
   * @default false
   */
  readonly otherLibraries?: boolean | undefined;
  /** Close the client with the store, and reconnect it when it is of no use. @default false */
  readonly ownsClient?: boolean | undefined;
  /** Ms after which a command counts as unanswered. @default 2_000 */
  readonly answerTimeout?: number | undefined;
  /** Where operators are told what they should know, such as a missing permission. @default nowhere */
  readonly log?: StoreLog | undefined;
  /** @default systemClock */
  readonly clock?: Clock | undefined;
}

/** What `RedisStore.open` takes. */
export interface RedisStoreOpenOptions extends Omit<RedisStoreOptions, 'client' | 'ownsClient'> {
  /** A URL, the options of ioredis, or a client of your own, which is used as it is and never closed. */
  readonly connection: RedisConnection;
}

/** What holds where nobody says otherwise. */
export const REDIS_DEFAULTS = { keyPrefix: 'lock', otherLibraries: false, answerTimeout: 2_000 };

/**
 * Locks on one Redis or Valkey, behind Sentinel, or on a Cluster.
 *
 * @example
 * ```ts
 * const store = await RedisStore.open({ connection: 'redis://localhost:6379' });
 * const locks = new LockService({ store });
 * ```
 */
export class RedisStore extends LockStore {
  readonly traits: StoreTraits = { localHandOver: true, leases: 'each' };
  readonly place: string;
  readonly #client: RedisClient;
  /** What the name of a lock begins with, its colon included. */
  readonly #namePrefix: string;
  readonly #ownsClient: boolean;
  readonly #answerTimeout: number;
  readonly #clock: Clock;
  readonly #commands: RedisCommands;
  #closing: Promise<void> | undefined;

  constructor(options: RedisStoreOptions) {
    super();
    const { client } = options;
    this.#client = client;
    this.#clock = options.clock ?? systemClock;
    const keyPrefix = options.keyPrefix ?? REDIS_DEFAULTS.keyPrefix;
    this.#namePrefix = keyPrefix === '' ? '' : `${keyPrefix}:`;
    this.place = `redis ${keyPrefix}`;
    this.#ownsClient = options.ownsClient ?? false;
    this.#answerTimeout = options.answerTimeout ?? REDIS_DEFAULTS.answerTimeout;
    this.#commands = new RedisCommands({
      client,
      clock: this.#clock,
      log: options.log ?? silentLog,
      namePrefix: this.#namePrefix,
      otherLibraries: options.otherLibraries ?? REDIS_DEFAULTS.otherLibraries,
      ownsClient: this.#ownsClient,
      answerTimeout: this.#answerTimeout,
      recovered: () => this.recovered(),
    });
  }

  /**
   * Makes the client that the options ask for, and the store on it. Needs ioredis to be installed.
   * @throws Error when ioredis is not installed
   */
  static async open(options: RedisStoreOpenOptions): Promise<RedisStore> {
    const { connection, ...rest } = options;
    return new RedisStore({
      ...rest,
      ...(await openConnection(connection, rest.log ?? silentLog)),
    });
  }

  /** Goes to Redis without being asked for a lock, so that an outage is known from the start. */
  greet(): void {
    this.#commands.greet();
  }

  acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    return this.#commands.acquire(request, listener);
  }

  extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    return this.#commands.extend(leases);
  }

  release(grant: Grant, lastToken: number, listener: ReleaseListener, keepFor?: number): void {
    this.#commands.leases.release(grant, lastToken, listener, keepFor);
  }

  succeed(succession: Succession): Promise<Grant | null> {
    return this.#commands.leases.succeed(succession);
  }

  async inspect(key: string): Promise<LockState> {
    return this.#commands.questions.inspect(key);
  }

  async list(options: ListOptions = {}): Promise<LockPage> {
    const { keys, cursor } = await listKeys(this.#client, this.#namePrefix, options);
    const found = await Promise.all(
      // What is no lock of ours, though it begins with our prefix, is not listed.
      keys.map((key) => this.inspect(key).catch(unlessRefused)),
    );
    // Without a prefix, a string that is not ours may be anything, and mostly is no lock.
    const isTold = ({ mode }: HolderInfo): boolean => mode !== undefined || this.#namePrefix !== '';
    const locks = found.filter(
      (state): state is LockState =>
        state !== undefined && (state.holders.some(isTold) || state.waiting > 0),
    );
    return { locks, cursor };
  }

  async forceRelease(key: string): Promise<boolean> {
    return this.#commands.questions.force(key);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown());
  }

  async #shutDown(): Promise<void> {
    this.#commands.close(new StoreUnavailableError('the store was closed'));
    let late: Timer | undefined;
    await Promise.race([
      this.#commands.drained(),
      new Promise<void>((resolve) => (late = this.#clock.after(this.#answerTimeout, resolve))),
    ]);
    late?.cancel();
    this.#commands.stop();
    if (this.#ownsClient) this.#client.disconnect();
  }
}

function unlessRefused(error: unknown): undefined {
  if (error instanceof StoreUnavailableError) throw error;
}
