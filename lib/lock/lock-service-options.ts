import type { Clock } from '../clock.js';
import type { LockStore } from '../stores/lock-store.js';
import type { LockLostError } from './lock.errors.js';
import type { HandOverBound } from './queue/queue-settings.js';
import type { TransactionPort } from './until.js';

/** What a service is made of; the module fills it in from its options. `undefined` is the default. */
export interface LockServiceOptions {
  /** Where the locks live. */
  readonly store: LockStore;
  /** What events say of the service, where an application has several. @default 'default' */
  readonly registration?: string | undefined;
  /** Close the store at shutdown. @default true */
  readonly ownsStore?: boolean | undefined;
  /** Default of `AcquireOptions.leaseTime`, in ms. @default 30_000 */
  readonly leaseTime?: number | undefined;
  /** Default of `AcquireOptions.waitTime`, in ms. @default 5_000 */
  readonly waitTime?: number | undefined;
  /** Default of `AcquireOptions.fair`. @default false */
  readonly fair?: boolean | undefined;
  /** How far a lock is handed over inside the process. @default { count: 64, time: 10 } */
  readonly handOver?: HandOverBound | undefined;
  /** How long the store may be silent before a waiter is told so, in ms. @default 5_000 */
  readonly unavailableAfter?: number | undefined;
  /** How long running holders may go on at shutdown, in ms. @default 10_000 */
  readonly shutdownTimeout?: number | undefined;
  /** How many callers of this process may wait for one key; the next is told "busy" at once. @default 10_000 */
  readonly maxWaiters?: number | undefined;
  /** What tells of transactions, so that locks are given back when they have ended. @default [] */
  readonly transactions?: readonly TransactionPort[] | undefined;
  /** What tells of request handlers, for `until: 'handler'`. */
  readonly handler?: TransactionPort | undefined;
  /**
   * Told of the loss of a lock that came out when the transaction it was kept for had ended: who called the
   * transaction may not have heard of it.
   */
  readonly lostUnheard?: ((error: LockLostError) => void) | undefined;
  /** @default systemClock */
  readonly clock?: Clock | undefined;
}
