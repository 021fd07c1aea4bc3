import type { Channel } from 'node:diagnostics_channel';
import type { Clock } from '../clock.js';
import { Acquisition, type EventFacts, type Origin } from './acquisition.js';
import { callerOf } from './caller.js';
import { isListenedTo, lockEvents } from './lock-events.js';
import { LockLog } from './lock-log.js';
import type { LockLostError } from './lock.errors.js';
import { DEFAULT_REGISTRATION, LOCK_DEFAULTS } from './lock-options.js';
import type { LockServiceOptions } from './lock-service-options.js';
import type { Lock } from './lock.js';

/** Tells what happens to the locks of one service: in events, and to operators. */
export class Teller implements Origin {
  readonly registration: string;
  readonly store: string;
  /** Undefined where operators are told nothing. */
  readonly log: LockLog | undefined;
  /** From how many ms on a wait is told of in the log. */
  readonly longWait: number;

  constructor(
    options: LockServiceOptions,
    private readonly clock: Clock,
  ) {
    const { store, log, longWait = LOCK_DEFAULTS.longWait } = options;
    this.registration = options.registration ?? DEFAULT_REGISTRATION;
    this.store = store.place.split(' ', 1)[0] ?? '';
    this.log = log && new LockLog(log, clock);
    this.longWait = log ? longWait : Infinity;
  }

  /** Somebody asks for a lock: what is told of that; undefined while nobody listens. */
  acquisition(key: string, options: object | undefined): Acquisition | undefined {
    return isListenedTo() ? Acquisition.here(this, key, callerOf(options)) : undefined;
  }

  /** Something happened to a lock that is held, or was. */
  tell(to: Channel, lock: Lock, facts?: EventFacts): void {
    if (!to.hasSubscribers) return;
    lock.acquisition ??= Acquisition.late(this, lock);
    const heldMs = this.clock.mono() - lock.since;
    lock.acquisition.tell(to, { token: lock.token, heldMs, ...facts });
  }

  lost(lock: Lock, error: LockLostError): void {
    this.log?.lost(lock.key, lock.caller?.method, this.clock.mono() - lock.since, error);
    this.tell(lockEvents.lost, lock, { error });
  }
}
