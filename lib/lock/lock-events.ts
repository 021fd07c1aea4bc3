import { channel, type Channel } from 'node:diagnostics_channel';
import type { LockMode } from '../stores/lock-mode.js';

/** What every event tells; a field is undefined where it means nothing. */
export interface LockEvent {
  /**
   * The same in every event of one acquisition, from its start to the end of its hold, and in no other
   * of any process.
   */
  readonly id: string;
  readonly key: string;
  /** How it is held, or to be held. */
  readonly mode: LockMode;
  /** The name of the registration that the `LockService` belongs to. */
  readonly registration: string;
  /** Of which kind the store is: the first word of its `place`, such as `redis` or `memory`. */
  readonly store: string;
  /** Class and method that ask, `Orders.pay`; undefined where they ask the service and not by `@Locked`. */
  readonly method?: string | undefined;
  /** The template of the key; undefined where `@Locked` has a key without placeholders, or a function. */
  readonly template?: string | undefined;
  readonly token?: number | undefined;
  /** How long the caller waited, in ms. */
  readonly waitedMs?: number | undefined;
  /** How long the lock was held, in ms. */
  readonly heldMs?: number | undefined;
  /** How long the store took to answer, in ms. */
  readonly tookMs?: number | undefined;
  /** What went wrong, where something did. */
  readonly error?: unknown;
}

/**
 * The channels of `node:diagnostics_channel` on which locks tell what happens to them. They cost
 * nothing while nobody listens to any.
 *
 * | channel | when | fields beside `id`, `key`, `mode`, `registration`, `store`, `method`, `template` |
 * |---|---|---|
 * | `nest-locked:acquire:start` | a caller asks | |
 * | `nest-locked:acquire:granted` | it has the lock | token, waitedMs |
 * | `nest-locked:acquire:busy` | it was not to be had in `waitTime` | waitedMs; error, unless `tryAcquire` answered null |
 * | `nest-locked:acquire:aborted` | its wait was called off, or has become pointless | waitedMs, error |
 * | `nest-locked:acquire:unavailable` | the store gave no answer | waitedMs, error |
 * | `nest-locked:acquire:refused` | the store answered with an error | waitedMs, error |
 * | `nest-locked:release` | a lock was given back | token, heldMs |
 * | `nest-locked:release:failed` | the store could not be told; the lease ends by itself | token, heldMs, error |
 * | `nest-locked:handed-off` | a lock was left to another process, by `lock.handOff()` | token, heldMs |
 * | `nest-locked:renew` | a lease was renewed | token, heldMs, tookMs |
 * | `nest-locked:renew:failed` | a renewal failed, and is being retried | token, heldMs, tookMs, error |
 * | `nest-locked:suspect` | so did the first since the last that went well | token, heldMs, tookMs, error |
 * | `nest-locked:lost` | a lock was lost | token, heldMs, error |
 * | `nest-locked:proceed-unlocked` | work runs without its lock, as `whenUnavailable: 'proceed'` says | error |
 *
 * Each start is followed by one of the five that end it. Subscribers run in the async context of the
 * caller who asked for the lock; in nobody's for a lock that was asked for while nobody listened to any
 * channel. What holders have in common, such as a renewal for several readers, is told once, in the name
 * of the first of them.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * subscribe('nest-locked:lost', (event) => logger.error(event));
 * ```
 */
export const lockEvents = {
  start: channel('nest-locked:acquire:start'),
  granted: channel('nest-locked:acquire:granted'),
  busy: channel('nest-locked:acquire:busy'),
  aborted: channel('nest-locked:acquire:aborted'),
  unavailable: channel('nest-locked:acquire:unavailable'),
  refused: channel('nest-locked:acquire:refused'),
  release: channel('nest-locked:release'),
  releaseFailed: channel('nest-locked:release:failed'),
  handedOff: channel('nest-locked:handed-off'),
  renew: channel('nest-locked:renew'),
  renewFailed: channel('nest-locked:renew:failed'),
  suspect: channel('nest-locked:suspect'),
  lost: channel('nest-locked:lost'),
  proceedUnlocked: channel('nest-locked:proceed-unlocked'),
} satisfies Record<string, Channel>;

/**
 * Whether anybody listens to any channel: what is told later needs what is known at the start. Every lock asks
 * this, and one by one by their names it costs what asking one channel does (4 ns; a loop takes 20).
 */
export function isListenedTo(): boolean {
  return (
    lockEvents.start.hasSubscribers ||
    lockEvents.granted.hasSubscribers ||
    lockEvents.busy.hasSubscribers ||
    lockEvents.aborted.hasSubscribers ||
    lockEvents.unavailable.hasSubscribers ||
    lockEvents.refused.hasSubscribers ||
    lockEvents.release.hasSubscribers ||
    lockEvents.releaseFailed.hasSubscribers ||
    lockEvents.handedOff.hasSubscribers ||
    lockEvents.renew.hasSubscribers ||
    lockEvents.renewFailed.hasSubscribers ||
    lockEvents.suspect.hasSubscribers ||
    lockEvents.lost.hasSubscribers ||
    lockEvents.proceedUnlocked.hasSubscribers
  );
}
