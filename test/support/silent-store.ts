import type { Instant } from '../../lib/clock.js';
import {
  LockStore,
  StoreUnavailableError,
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type Grant,
  type LeaseRequest,
  type LockPage,
  type LockState,
  type ReleaseListener,
  type Renewal,
  type StoreTraits,
} from '../../lib/stores/lock-store.js';
import type { ManualClock } from './manual-clock.js';

/** A renewal that was asked for and waits for the test to answer it. */
export interface AskedRenewal {
  readonly key: string;
  readonly leaseTime: number;
  readonly sent: Instant;
  /** `null` when the lock is not the asker's any more. */
  answer(from?: Instant | null, leaseTime?: number): void;
  /** @param error default: no answer */
  fail(error?: Error): void;
}

/** Grants everything at once, and lets the test answer what is asked of it later. */
export class SilentStore extends LockStore {
  readonly traits: StoreTraits;
  readonly place = 'silent';
  readonly renewals: AskedRenewal[] = [];
  /** How many leases each call was to renew. */
  readonly calls: number[] = [];
  /** The keys that were given back. */
  readonly released: string[] = [];
  /** How long a lease it grants, in ms, if not what was asked for. */
  gives: number | undefined;
  /** What its grants come with. */
  lost: Promise<Error> | undefined;

  constructor(
    private readonly clock: ManualClock,
    localHandOver = false,
  ) {
    super();
    this.traits = { localHandOver, leases: 'each' };
  }

  acquire({ key, mode, leaseTime }: LeaseRequest, listener: AttemptListener): Attempt {
    const grant: Grant = {
      key,
      mode,
      owner: 'host:1#x.1',
      holder: 'host:1',
      token: 7,
      lastToken: 1_007,
      from: this.clock.now(),
      leaseTime: this.gives ?? leaseTime,
      ...(this.lost && { lost: this.lost }),
    };
    queueMicrotask(() => listener.granted(grant));
    return { progress: { state: 'unanswered' }, silence: undefined, leave: () => undefined };
  }

  succeed(): Promise<Grant | null> {
    return Promise.resolve(null);
  }

  extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    this.calls.push(leases.length);
    const sent = this.clock.now();
    return leases.map(
      ({ grant: { key }, leaseTime }) =>
        new Promise((resolve, reject) => {
          this.renewals.push({
            key,
            leaseTime,
            sent,
            answer: (from = sent, given = leaseTime) => resolve(from && { from, leaseTime: given }),
            fail: (error = new StoreUnavailableError('gone')) => reject(error),
          });
        }),
    );
  }

  release({ key }: Grant, _: number, listener: ReleaseListener): void {
    this.released.push(key);
    queueMicrotask(() => listener.released(true));
  }

  /** It was out of reach, and is back. */
  isBack(): void {
    this.recovered();
  }

  inspect(key: string): Promise<LockState> {
    return Promise.resolve({ key, holders: [], waiting: 0 });
  }

  list(): Promise<LockPage> {
    return Promise.resolve({ locks: [], cursor: undefined });
  }

  forceRelease(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
