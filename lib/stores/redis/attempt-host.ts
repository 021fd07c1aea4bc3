import type { Clock, Instant } from '../../clock.js';
import type { Silence } from '../lock-store.js';
import type { OtherLibraries } from './other-libraries.js';
import type { PiggybackedGrant } from './protocol/lock-reply.js';
import type { RedisAttempt } from './redis-attempt.js';
import type { Entry } from './transport/entry.js';

/** What an attempt needs of its store. */
export interface AttemptHost {
  readonly clock: Clock;
  /** What the owners of this process begin with. */
  readonly process: string;
  /** Which connections an answer was had on: what came before an outage dates nothing after it. */
  readonly connectionEpoch: string;
  /** Whether the store, or its client, was closed: asking again is of no use. */
  readonly isClosed: boolean;
  /** Whether messages to this process are known to arrive. */
  readonly isHeard: boolean;
  /** Where their locks are met. */
  readonly others: OtherLibraries;
  ask(attempt: RedisAttempt): Entry;
  /** A token, or the server's time in µs, has arrived. */
  observe(token: number): void;
  silence(key: string): Silence | undefined;
  /** The attempt waits in Redis: it is to hear of grants. */
  queued(attempt: RedisAttempt): void;
  /** The attempt is over. */
  over(attempt: RedisAttempt): void;
  /** Who of this process is the first to wait for a key, and asks for all. */
  first(key: string): RedisAttempt | undefined;
  /** Gives back whatever the attempt may have in Redis; for how long that matters, in ms. */
  leave(attempt: RedisAttempt, after: Entry | undefined, matters: number): void;
  piggybacked(grant: PiggybackedGrant, sent: Instant): void;
}
