import { channel, type Channel } from 'node:diagnostics_channel';

/** What every event tells; a field is undefined where it means nothing yet. */
export interface LockEvent {
  readonly key: string;
  readonly token?: number;
  /** How long the caller stood in line, in ms. */
  readonly waited?: number;
  /** How long the lock was held, in ms. */
  readonly held?: number;
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
 * | `nest-locked:acquire:granted` | it has the lock | token, waited |
 * | `nest-locked:acquire:busy` | it gave up after `waitTime` | waited |
 * | `nest-locked:acquire:aborted` | its wait was called off | waited, error |
 * | `nest-locked:acquire:unavailable` | the store did not answer | waited, error |
 * | `nest-locked:release` | a lock was given back | token, held |
 * | `nest-locked:renew` | a lease was renewed | token, held |
 * | `nest-locked:suspect` | a renewal failed for the first time; it is being retried | token, held, error |
 * | `nest-locked:lost` | a lock was lost | token, held, error |
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
  release: channel('nest-locked:release'),
  renew: channel('nest-locked:renew'),
  suspect: channel('nest-locked:suspect'),
  lost: channel('nest-locked:lost'),
  proceedUnlocked: channel('nest-locked:proceed-unlocked'),
} satisfies Record<string, Channel>;
