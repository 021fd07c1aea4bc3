import { inspect } from 'node:util';
import { systemClock, type Clock } from '../clock.js';
import { LockUsageError, quoted } from '../lock/lock.errors.js';
import { EXCLUSIVE } from '../stores/lock-mode.js';
import {
  LockStore,
  StoreUnavailableError,
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type Grant,
  type LeaseRequest,
  type ListOptions,
  type LockPage,
  type LockState,
  type ReleaseListener,
  type Renewal,
  type StoreTraits,
  type Succession,
} from '../stores/lock-store.js';
import { MemoryStore } from '../stores/memory/memory-store.js';
import { PassThroughStore } from './pass-through-store.js';
import { TestingAttempt } from './testing-attempt.js';

/** What a `TestingStore` may be told. */
export interface TestingStoreOptions {
  /** The time that leases and waits go by, such as a `VirtualClock`. @default the system's */
  readonly clock?: Clock | undefined;
  /**
   * Nobody is kept out: every lock is had at once, whoever has it already. For tests that are not about
   * locks.
   * @default false
   */
  readonly passThrough?: boolean | undefined;
}

/** A lock that was granted, and what tells its holder of its loss. */
interface Held {
  readonly grant: Grant;
  readonly lose: (error: Error) => void;
}

/** As long as a timer can be set for, in ms. */
const FOR_EVER = 2 ** 31 - 1;
const UNHEARD: ReleaseListener = { released: () => undefined, failed: () => undefined };

/**
 * A store for tests: locks as in memory, and what else a test wants to happen to them. One for each test, or
 * `reset()` between them.
 *
 * @example
 * ```ts
 * const store = new TestingStore();
 * const app = await Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(LockStore)
 *   .useValue(store)
 *   .compile();
 *
 * store.busy('order:42');
 * await expect(orders.pay(42)).rejects.toThrow(LockBusyError);
 * ```
 */
export class TestingStore extends LockStore {
  readonly traits: StoreTraits;
  readonly place: string;
  private readonly inner: LockStore;
  private readonly attempts = new Set<TestingAttempt>();
  /** By their owners. */
  private readonly grants = new Map<string, Held>();
  /** What gives back the keys that are busy by the test's word. */
  private readonly others = new Set<() => void>();
  /** What everything is answered with. */
  private failure: Error | undefined;

  constructor(options: TestingStoreOptions = {}) {
    super();
    const { clock = systemClock, passThrough = false } = options;
    this.inner = passThrough ? new PassThroughStore(clock) : new MemoryStore({ clock });
    this.traits = { ...this.inner.traits, clock };
    this.place = this.inner.place.replace(/^\w+/, 'testing');
  }

  /**
   * Somebody else has the key, from now on.
   * @returns what gives it back; the next who waits has it then
   * @throws LockUsageError when it is held already
   */
  busy(key: string): () => void {
    let grant: Grant | undefined;
    const request = { key, mode: EXCLUSIVE, leaseTime: FOR_EVER, wait: false };
    const attempt = this.inner.acquire(request, {
      granted: (given) => (grant = given),
      refused: () => undefined,
      failed: () => undefined,
    });
    if (attempt.progress.state === 'refused') {
      throw new LockUsageError(`${quoted(key)} is held already: busy(key) comes before`, key);
    }
    const giveBack = (): void => {
      if (!this.others.delete(giveBack)) return;
      if (grant) this.inner.release(grant, grant.token, UNHEARD);
      else attempt.leave();
    };
    this.others.add(giveBack);
    return giveBack;
  }

  /**
   * Takes the lock on a key from whoever holds it. Resolves when they know: their signals have aborted.
   * @throws LockUsageError when nobody holds it
   */
  async lose(key: string): Promise<void> {
    const losers = [...this.grants.values()].filter(({ grant }) => grant.key === key);
    if (losers.length === 0) {
      const held = this.held().map(quoted).join(', ') || 'nothing';
      throw new LockUsageError(`nobody holds ${quoted(key)}; held: ${held}`, key);
    }
    await this.takeAway(losers, new Error('the test took it away'));
  }

  /** No answer to anything, from now on; those who wait are told at once, those who hold when they renew. */
  unavailable(): void {
    this.failure = new StoreUnavailableError('the test has made the store unavailable');
    for (const attempt of [...this.attempts]) attempt.fail(this.failure);
  }

  /** Answers everything with an error of the store's own, from now on. */
  refuse(error: Error): void {
    if (!(error instanceof Error)) {
      throw new LockUsageError(`refuse(error) takes an Error, received ${inspect(error)}`);
    }
    this.failure = error;
  }

  /** Ends `unavailable()` or `refuse()`: what is held is renewed at once. */
  available(): void {
    if (!this.failure) return;
    this.failure = undefined;
    this.recovered();
  }

  /** The keys that are held, sorted, each once; not those that are busy by the test's word. */
  held(): string[] {
    return [...new Set([...this.grants.values()].map(({ grant }) => grant.key))].sort();
  }

  /** How many callers wait for a key. */
  waiting(key: string): number {
    let count = 0;
    for (const { request, progress } of this.attempts) {
      if (request.key === key && progress.state === 'queued') count += 1;
    }
    return count;
  }

  /** As it was when it was made: who waits is told that the store is unavailable, and what is held is lost. */
  async reset(): Promise<void> {
    this.failure = undefined;
    const gone = new StoreUnavailableError('the test has reset the store');
    for (const attempt of [...this.attempts]) attempt.fail(gone);
    for (const giveBack of [...this.others]) giveBack();
    await this.takeAway([...this.grants.values()], new Error('the test has reset the store'));
  }

  acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    const attempt = new TestingAttempt(request, listener, {
      granted: (grant) => this.hold(grant),
      over: (one) => this.attempts.delete(one),
    });
    this.attempts.add(attempt);
    if (this.failure) attempt.fail(this.failure);
    else attempt.askOf(this.inner);
    return attempt;
  }

  extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    const { failure } = this;
    return failure ? leases.map(() => Promise.reject(failure)) : this.inner.extend(leases);
  }

  release(grant: Grant, lastToken: number, listener: ReleaseListener, keepFor?: number): void {
    const { failure } = this;
    this.grants.delete(grant.owner);
    // Nobody knows of it any more: it is gone at once, and the one who gave it back is told what was asked for.
    const heard = failure
      ? {
          released: () => listener.failed(failure),
          failed: (error: Error) => listener.failed(error),
        }
      : listener;
    this.inner.release(grant, lastToken, heard, keepFor);
  }

  async succeed(succession: Succession): Promise<Grant | null> {
    this.check();
    const grant = await this.inner.succeed(succession);
    this.grants.delete(succession.from.owner);
    return grant && this.hold(grant);
  }

  async inspect(key: string): Promise<LockState> {
    this.check();
    return this.inner.inspect(key);
  }

  async list(options?: ListOptions): Promise<LockPage> {
    this.check();
    return this.inner.list(options);
  }

  async forceRelease(key: string): Promise<boolean> {
    this.check();
    for (const [owner, { grant }] of this.grants) if (grant.key === key) this.grants.delete(owner);
    return this.inner.forceRelease(key);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private check(): void {
    if (this.failure) throw this.failure;
  }

  private hold(grant: Grant): Grant {
    let lose!: (error: Error) => void;
    const lost = new Promise<Error>((resolve) => (lose = resolve));
    const told = { ...grant, lost };
    this.grants.set(grant.owner, { grant: told, lose });
    return told;
  }

  private async takeAway(losers: readonly Held[], error: Error): Promise<void> {
    for (const { lose } of losers) lose(error);
    // They hear of it before anybody else has the key.
    await Promise.resolve();
    for (const { grant } of losers) {
      this.grants.delete(grant.owner);
      this.inner.release(grant, grant.token, UNHEARD);
    }
  }
}
