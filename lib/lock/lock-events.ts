import { channel, type Channel } from 'node:diagnostics_channel';
import { outside } from '../outside.js';

/** What every event tells; a field is undefined where it means nothing yet. */
export interface LockEvent {
  readonly key: string;
  readonly token?: number;
  /** How long the caller waited, in ms. */
  readonly waitedMs?: number;
  /** How long the lock was held, in ms. */
  readonly heldMs?: number;
  /** What went wrong, where something did. */
  readonly error?: unknown;
}

/**
 * The channels of `node:diagnostics_channel` on which locks tell what happens to them. They cost
 * nothing while nobody listens.
 *
 * | channel | when | fields beside `key` |
 * |---|---|---|
 * | `nest-locked:acquire:start` | a caller asks | |
 * | `nest-locked:acquire:granted` | it has the lock | token, waitedMs |
 * | `nest-locked:acquire:busy` | it was not to be had in `waitTime` | waitedMs |
 * | `nest-locked:acquire:aborted` | its wait was called off | waitedMs, error |
 * | `nest-locked:acquire:unavailable` | the store gave no answer | waitedMs, error |
 * | `nest-locked:acquire:refused` | the store answered with an error | waitedMs, error |
 * | `nest-locked:release` | a lock was given back | token, heldMs |
 * | `nest-locked:release:failed` | the store could not be told; the lease ends by itself | token, error |
 * | `nest-locked:renew` | a lease was renewed | token, heldMs |
 * | `nest-locked:suspect` | a renewal failed for the first time; it is being retried | token, heldMs, error |
 * | `nest-locked:lost` | a lock was lost | token, heldMs, error |
 * | `nest-locked:proceed-unlocked` | work runs without its lock, as `whenUnavailable: 'proceed'` says | error |
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
  renew: channel('nest-locked:renew'),
  suspect: channel('nest-locked:suspect'),
  lost: channel('nest-locked:lost'),
  proceedUnlocked: channel('nest-locked:proceed-unlocked'),
} satisfies Record<string, Channel>;

/** Publishes an event in nobody's context. Hot paths ask `hasSubscribers` first, and make no event. */
export function tell(to: Channel, event: LockEvent): void {
  if (to.hasSubscribers) outside(() => to.publish(event));
}
