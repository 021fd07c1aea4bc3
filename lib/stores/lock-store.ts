import type { Clock, Instant } from '../clock.js';
import type { LockMode } from './lock-mode.js';

/** What a caller asks of a store. */
export interface LeaseRequest {
  readonly key: string;
  readonly mode: LockMode;
  /** How long the store keeps the lock without a renewal, in ms. */
  readonly leaseTime: number;
  /** Wait in the store's queue when the key is taken (`true`), or only try once (`false`). */
  readonly wait: boolean;
  /** What requests have in common that are made in one go: one command may do for them. */
  readonly together?: object | undefined;
}

/**
 * The lock, given. The holder hands the very same object back to `extend` and `release`: a store may
 * keep what it needs to know in it.
 */
export interface Grant {
  readonly key: string;
  readonly mode: LockMode;
  /** The secret id of this one acquisition; whoever names it may extend and release. */
  readonly owner: string;
  /** The process that holds it, `host:pid`, for people. */
  readonly holder: string;
  /** The fencing token: larger than every earlier one of this key. */
  readonly token: number;
  /**
   * The last token that the holder may use for those it hands the lock over to. The store grants
   * none from `token` to `lastToken` again, whatever dies; of a lock that is given back, none up to the
   * last that was used.
   */
  readonly lastToken: number;
  /** A moment that is not later than the start of the lease in the store. */
  readonly from: Instant;
  /** What the store really gave, in ms; a shorter lease than was asked for is to be extended at once. */
  readonly leaseTime: number;
  /** Of a store that learns of a loss by itself, such as the end of a session: resolves with it. */
  readonly lost?: Promise<Error>;
}

/** One who holds a key, as the store last heard it. */
export interface HolderInfo {
  /** `host:pid`; undefined when another library holds the key. */
  readonly holder: string | undefined;
  /** Undefined when another library holds the key. */
  readonly mode: LockMode | undefined;
  /** When it was granted, in ms since the epoch on the store's clock. */
  readonly sinceEpochMs: number | undefined;
  /** What was left of its lease, in ms; `Infinity` when it has no end. */
  readonly remainingMs: number;
}

/** How far an attempt has come: nothing is known yet, or it waits, or it was refused. */
export type Progress =
  | { readonly state: 'unanswered' }
  | { readonly state: 'queued' | 'refused'; readonly holders: readonly HolderInfo[] };

/** A store that owes an answer. Time that a request spends in our own process is no silence. */
export interface Silence {
  /** Since when the store has not answered, on the monotonic clock. */
  readonly since: number;
  /** What is known of the reason, such as the connection's own error. */
  readonly cause: Error | undefined;
}

/** Who asked a store for a lock, and is told. Nothing is told before `acquire` has returned, nor after `leave`. */
export interface AttemptListener {
  /** The lock is the asker's. */
  granted(grant: Grant): void;
  /** It is taken, and the request was not to wait. */
  refused(holders: readonly HolderInfo[]): void;
  /**
   * There will be no lock: a `StoreUnavailableError` when the store cannot be reached for good,
   * any other error when the store answered with it.
   */
  failed(error: Error): void;
}

/** One request on its way through a store. */
export interface Attempt {
  readonly progress: Progress;
  /** Undefined while the store owes nothing. */
  readonly silence: Silence | undefined;
  /**
   * Gives the attempt up, at any moment and as often as one likes. A grant that is under way is
   * given back as soon as it arrives: nothing is left behind. Once `granted` was told the lock is
   * its holder's, to be released, and this does nothing.
   */
  leave(): void;
}

/** A lease to be renewed by `leaseTime` ms. */
export interface ExtendRequest {
  readonly grant: Grant;
  readonly leaseTime: number;
}

/** A lease as the store renewed it. */
export interface Renewal {
  /** A moment that is not later than the start of the renewed lease in the store. */
  readonly from: Instant;
  /** What the store really gave, in ms. */
  readonly leaseTime: number;
}

/** A lock that goes on under another owner: in another mode, or in another process. */
export interface Succession {
  readonly key: string;
  /** The grant it is taken over from, or as much as another process knows of it. */
  readonly from: Pick<Grant, 'owner' | 'token'>;
  /** The last token that was used under it. */
  readonly lastToken: number;
  /** The mode in which it goes on; one that goes together with who else may hold the key. */
  readonly mode: LockMode;
  readonly leaseTime: number;
}

/** Who gave a lock back, and is told. */
export interface ReleaseListener {
  /** @param ours false when the store had given the lock to another, or has no memory of it */
  released(ours: boolean): void;
  /** The store did not answer (`StoreUnavailableError`), or answered with an error. Told once. */
  failed(error: Error): void;
}

/** A key as it stands, for people and dashboards. */
export interface LockState {
  readonly key: string;
  /** Empty when nobody holds the key. */
  readonly holders: readonly HolderInfo[];
  /** How many wait in the store's queue. A process waits once for all of its callers, unless they are `fair`. */
  readonly waiting: number;
}

/** Which locks to list. */
export interface ListOptions {
  /** Only keys that begin so. @default '' */
  readonly prefix?: string | undefined;
  /** Where the page before ended; left out for the first page. */
  readonly cursor?: string | undefined;
  /** About how many keys to look at for this page, 1 to 10 000. @default 100 */
  readonly limit?: number | undefined;
}

/** Some of the locks that are held or waited for. A key may come twice when it changes meanwhile. */
export interface LockPage {
  readonly locks: readonly LockState[];
  /** For the next page; undefined on the last. A page before it may be empty. */
  readonly cursor: string | undefined;
}

/** In what stores differ. */
export interface StoreTraits {
  /**
   * Whether passing a lock to the next caller of the same process, without asking the store, saves
   * anything.
   */
  readonly localHandOver: boolean;
  /** Whether each lock has a lease of its own, or all share that of the process's session. */
  readonly leases: 'each' | 'session';
  /** The time that its leases go by, if it is not the system's: services on it go by the same. */
  readonly clock?: Clock | undefined;
}

/** The store gave no answer, or none can be had: the connection is down, silent or closed. */
export class StoreUnavailableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreUnavailableError';
  }
}

/**
 * Where locks live. A store excludes, keeps the queue in order of arrival, mints the tokens and lets
 * leases end; it knows nothing of Nest, nesting, renewal or events. Every store passes the suite in
 * `test/contract`.
 *
 * Promises of a store reject with a `StoreUnavailableError` when it gave no answer, and with any other
 * error when it answered with one.
 */
export abstract class LockStore {
  abstract readonly traits: StoreTraits;
  /**
   * Where its locks are: what a ticket says of it, and the same in each process that shares them. Its first
   * word is what kind of store it is, for events and metrics.
   */
  abstract readonly place: string;

  private readonly recoveryListeners = new Set<() => void>();

  /** Asks for a lock and, if the request says so, waits for it. */
  abstract acquire(request: LeaseRequest, listener: AttemptListener): Attempt;

  /**
   * Renews leases. One promise a lease, in order: what it was renewed to, or `null` when the lock is
   * no longer this owner's. What a store has to send is sent when this returns.
   */
  abstract extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[];

  /**
   * Gives a lock back; the next who waits has it at once.
   * @param lastToken the last token that was used under this grant
   * @param keepFor how long nobody is to have it all the same, in ms: the lease ends then, and not before
   */
  abstract release(
    grant: Grant,
    lastToken: number,
    listener: ReleaseListener,
    keepFor?: number,
  ): void;

  /**
   * Takes a held lock over from its owner, without a gap and with a larger token; those who wait and
   * go together with the new mode are let in.
   * @returns null when that owner does not hold it any more
   */
  abstract succeed(succession: Succession): Promise<Grant | null>;

  /** Who holds a key, since when, and how many wait. */
  abstract inspect(key: string): Promise<LockState>;

  /** The keys that are held or waited for, page by page. */
  abstract list(options?: ListOptions): Promise<LockPage>;

  /**
   * Takes a lock of ours from all its holders, whoever they are; the next who waits has it. A lock
   * of another library is not touched.
   * @returns whether anybody of ours held it
   */
  abstract forceRelease(key: string): Promise<boolean>;

  /** Ends what is under way and closes what the store itself opened. */
  abstract close(): Promise<void>;

  /**
   * Calls `listener` whenever the store was out of reach and has come back, perhaps as another server:
   * what is held should be confirmed. Returns what ends that.
   */
  onRecovery(listener: () => void): () => void {
    this.recoveryListeners.add(listener);
    return () => this.recoveryListeners.delete(listener);
  }

  /** For the store itself: it has come back. */
  protected recovered(): void {
    for (const listener of this.recoveryListeners) listener();
  }
}
