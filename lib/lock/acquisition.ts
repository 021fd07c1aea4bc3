import { AsyncResource } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Channel } from 'node:diagnostics_channel';
import type { Clock } from '../clock.js';
import { EXCLUSIVE, type LockMode } from '../stores/lock-mode.js';
import { outside } from '../outside.js';
import type { Caller } from './caller.js';
import { lockEvents, type LockEvent } from './lock-events.js';
import type { Lock } from './lock.js';
import { LockBusyError, LockRefusedError, LockUnavailableError } from './lock.errors.js';

/** What all acquisitions of a service have in common. */
export interface Origin {
  /** The name of the registration. */
  readonly registration: string;
  /** Of which kind the store is. */
  readonly store: string;
}

/** What one event tells beyond what all of its acquisition tell. */
export type EventFacts = Pick<LockEvent, 'token' | 'waitedMs' | 'heldMs' | 'tookMs' | 'error'>;

/** No two processes share it. */
const PROCESS = randomBytes(6).toString('base64url');
let count = 0;

/**
 * One caller's way to a lock and its hold, as events tell of it. Made only while somebody listens: what
 * remembers the caller's async context costs as much as a tenth of a lock.
 */
export class Acquisition {
  readonly id = `${PROCESS}-${(count += 1)}`;
  mode: LockMode = EXCLUSIVE;
  /** Whether its start was told, and its end was not. */
  isOpen = false;

  private constructor(
    private readonly origin: Origin,
    readonly key: string,
    private readonly caller: Caller | undefined,
    /** The async context that its events run in. */
    private readonly context: AsyncResource,
  ) {}

  /** Of the caller that is running. */
  static here(origin: Origin, key: string, caller: Caller | undefined): Acquisition {
    return new Acquisition(origin, key, caller, new AsyncResource('nest-locked'));
  }

  /** Of a lock that was taken while nobody listened: its caller's context is not known any more. */
  static late(origin: Origin, lock: Lock): Acquisition {
    // Taken apart here, not above: a declaration that users compile would name what is internal.
    const { key, mode, caller } = lock;
    const late = outside(() => Acquisition.here(origin, key, caller));
    late.mode = mode;
    return late;
  }

  start(mode: LockMode): void {
    this.mode = mode;
    this.isOpen = true;
    this.tell(lockEvents.start, {});
  }

  /** Tells of a lock that is taken in one step, from its start to its end. */
  async around(take: () => Promise<Lock>, mode: LockMode, clock: Clock): Promise<Lock> {
    const since = clock.mono();
    this.start(mode);
    try {
      const lock = await take();
      lock.acquisition = this;
      this.granted(lock.token, clock.mono() - since);
      return lock;
    } catch (error) {
      this.rejected(error, clock.mono() - since);
      throw error;
    }
  }

  granted(token: number, waitedMs: number): void {
    this.isOpen = false;
    this.tell(lockEvents.granted, { token, waitedMs });
  }

  /** There is no lock: because of `error`, or because it was busy and null is the answer. */
  rejected(error: unknown, waitedMs: number): void {
    this.isOpen = false;
    this.tell(channelOf(error), error === undefined ? { waitedMs } : { waitedMs, error });
  }

  tell(to: Channel, facts: EventFacts): void {
    if (!to.hasSubscribers) return;
    const { id, key, mode, origin, caller } = this;
    const { registration, store } = origin;
    const { method, template } = caller ?? {};
    const event: LockEvent = { id, key, mode, registration, store, method, template, ...facts };
    this.context.runInAsyncScope(() => {
      to.publish(event);
    });
  }
}

function channelOf(error: unknown): Channel {
  if (error === undefined || error instanceof LockBusyError) return lockEvents.busy;
  if (error instanceof LockUnavailableError) return lockEvents.unavailable;
  if (error instanceof LockRefusedError) return lockEvents.refused;
  return lockEvents.aborted;
}
