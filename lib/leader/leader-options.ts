import { inspect } from 'node:util';
import type { Clock } from '../clock.js';
import { MIN_LEASE_TIME, checkKey, checkTime } from '../lock/checks.js';
import { LockUsageError } from '../lock/lock.errors.js';
import type { StoreLog } from '../stores/store-log.js';

/** What an election is about; the same for every candidate. `undefined` is the default. */
export interface LeaderElectionSettings {
  /** What the candidates run for: a lock's key, as `scheduler`. One leader for each key. */
  readonly key: string;
  /**
   * How long the store keeps a leader that does not renew, in ms: for so long nobody leads when one has
   * died or was cut off. 10 to 2 147 483 647.
   * @default that of the `LockService`, 30_000
   */
  readonly leaseTime?: number | undefined;
}

/** What a `LeaderElection` is made with. */
export interface LeaderElectionOptions extends LeaderElectionSettings {
  /** Where operators are told who leads, and that nobody can be elected. @default nowhere */
  readonly log?: StoreLog | undefined;
  /** The time that pauses go by; the leases have that of the `LockService`. @default systemClock */
  readonly clock?: Clock | undefined;
}

/** How the leader may go. */
export interface StepDownOptions {
  /**
   * How long not to run again, in ms; `Infinity`: until `start()` is called. With 0 it runs again at once,
   * behind all who wait.
   * @default 0
   */
  readonly runAgainAfter?: number | undefined;
}

const KNOWN = ['key', 'leaseTime', 'log', 'clock'];

/**
 * Refuses options that name something unknown or hold something impossible.
 * @throws LockUsageError, LockKeyError
 */
export function checkLeaderOptions(options: unknown): asserts options is LeaderElectionOptions {
  checkNames('the options of an election', options, KNOWN);
  const { key, leaseTime } = options as Partial<LeaderElectionOptions>;
  checkKey(key as string);
  if (leaseTime !== undefined) checkTime('leaseTime', leaseTime, MIN_LEASE_TIME);
}

/** @throws LockUsageError */
export function checkStepDown(options: unknown): StepDownOptions {
  checkNames('the options of stepDown', options, ['runAgainAfter']);
  const { runAgainAfter } = options as StepDownOptions;
  if (runAgainAfter !== undefined) checkTime('runAgainAfter', runAgainAfter, 0, true);
  return options as StepDownOptions;
}

function checkNames(what: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LockUsageError(`${what} are an object, received ${inspect(options, { depth: -1 })}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (known.includes(name)) continue;
    const hint =
      name === 'name' || name === 'isGlobal'
        ? '; in registerAsync it stands beside useFactory'
        : '';
    throw new LockUsageError(
      `unknown option "${name}" (${inspect(value, { depth: -1 })}); known are ${known.join(', ')}${hint}`,
    );
  }
}
