import type { Instant } from '../clock.js';

/** What a caller asks of a store. */
export interface LeaseRequest {
  readonly key: string;
  /** How long the store keeps the lock without a renewal, in ms. */
  readonly leaseTime: number;
  /** Stand in line when the key is taken (`true`), or only try once (`false`). */
  readonly wait: boolean;
  /** Called once the store says that the caller has to stand in line; never before `acquire` returns. */
  readonly waiting?: () => void;
}

/** The lock, given. */
export interface Grant {
  readonly key: string;
  /** The unguessable id of this one acquisition; whoever names it may extend and release. */
  readonly owner: string;
  /** The fencing token: larger than every earlier one of this key. */
  readonly token: number;
  /** A moment that is not later than the start of the lease on the server. */
  readonly from: Instant;
  /** The lease in ms; a lock handed over starts with a shorter one than was asked for. */
  readonly leaseTime: number;
}

/** Why a key could not be had, as the store last heard it. */
export interface Contention {
  /** `host:pid` of the holder; undefined when another library holds the key. */
  readonly holder: string | undefined;
  /** When it was granted, in ms since the epoch on the server's clock. */
  readonly since: number | undefined;
  /** What was left of the holder's lease, in ms. */
  readonly remaining: number;
}

/** One caller's way through a store: asked, waiting, granted or gone. */
export interface Attempt {
  /**
   * The grant; `null` when the key was taken and the request was not to wait. Rejects when the
   * store cannot answer for good. Never settles once `leave()` was called.
   */
  readonly granted: Promise<Grant | null>;
  /** The holder that stands in the way; undefined while the store has no fresh answer. */
  readonly contention: Contention | undefined;
  /**
   * Steps out of the line, at any moment and as often as one likes. A grant that is under way is
   * given back as soon as it arrives: nothing is left behind.
   */
  leave(): void;
}

/** What names a held lock to its store. */
export interface HeldLease {
  readonly key: string;
  readonly owner: string;
  /** The last fencing token used under this grant. */
  readonly token: number;
}

/** A key as it stands, for people and dashboards. */
export interface LockState {
  /** Undefined when nobody holds the key. */
  readonly held: Contention | undefined;
  /** How many stand in line. */
  readonly waiting: number;
}

/**
 * Where locks live. A store excludes, keeps the line in order of arrival, mints the tokens and lets
 * leases end; it knows nothing of Nest, nesting, renewal or events. Every store passes the suite in
 * `test/contract`.
 */
export abstract class LockStore {
  /**
   * Whether asking costs a network round trip. In front of such a store the service passes a lock
   * from one local waiter to the next without asking.
   */
  abstract readonly remote: boolean;

  /** Asks for a key and, if the request says so, stands in line for it. */
  abstract acquire(request: LeaseRequest): Attempt;

  /**
   * Renews leases by `leaseTime` ms each. One promise a lease, in order: the moment the new lease
   * counts from, or `null` when the lock is no longer this owner's. A rejection says that the
   * store did not answer, for that lease alone.
   */
  abstract extend(
    leases: readonly (HeldLease & { leaseTime: number })[],
  ): Promise<Instant | null>[];

  /** Gives a lock back and passes it to the next in line. False when it was not this owner's. */
  abstract release(lease: HeldLease): Promise<boolean>;

  /** Who holds a key, since when, and how many wait. */
  abstract inspect(key: string): Promise<LockState>;

  /** Ends what is under way and closes what the store itself opened. */
  abstract close(): Promise<void>;
}
