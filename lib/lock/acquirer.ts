import type { Clock } from '../clock.js';
import type { LockStore } from '../stores/lock-store.js';
import { acquireAll } from './acquire-all.js';
import { checkKey, checkOptionNames } from './checks.js';
import { readKeys, type KeyRequest, type LockKeys } from './key-list.js';
import { lockEvents, tell } from './lock-events.js';
import { frameIn, whileAsking } from './kept-locks.js';
import {
  DEFAULT_MAX_HOLD_TIME,
  RESUME_OPTIONS,
  type AcquireOptions,
  type ResumeOptions,
  type ScopeOptions,
} from './lock-options.js';
import { LockSet, type Held } from './lock-set.js';
import type { Lock } from './lock.js';
import {
  LockAbortedError,
  LockTicketError,
  LockUnavailableError,
  closedError,
  quoted,
  rethrowAs,
} from './lock.errors.js';
import {
  abortReason,
  withOptions,
  type AcquireSettings,
  type DefaultSettings,
} from './queue/acquire-settings.js';
import type { KeyQueues } from './queue/key-queues.js';
import { currentFrame, findLock } from './queue/lock-context.js';
import { decodeTicket } from './ticket.js';
import { Release } from './release.js';
import type { Transactions } from './transactions.js';
import { unlockedLock } from './unlocked-lock.js';

/** A list of keys, read, and how they are asked for. */
interface AskedKeys {
  readonly requests: readonly KeyRequest[];
  readonly settings: AcquireSettings;
}

/** Turns what callers of a service ask for into waiters of its queues. */
export class Acquirer {
  /** Set when the service closes: nobody begins to wait any more. */
  closed = false;

  constructor(
    private readonly store: LockStore,
    private readonly clock: Clock,
    private readonly queues: KeyQueues,
    private readonly defaults: DefaultSettings,
    private readonly transactions: Transactions,
  ) {}

  /** One lock; a promise of `null` only where the settings say `orNull`. */
  one(
    key: string,
    options: ScopeOptions | undefined,
    kind: keyof DefaultSettings,
  ): Promise<Lock | null> {
    try {
      checkKey(key);
      const settings = this.settingsOf(key, options, kind);
      return settings.surroundings ? this.oneIn(key, settings) : this.enter(key, settings);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it was thrown as it is
      return Promise.reject(error);
    }
  }

  /** Several locks, all or none. */
  async all(keys: LockKeys, options: AcquireOptions | undefined): Promise<LockSet> {
    return this.take(this.read(keys, options, 'handles'));
  }

  /** The locks for a scope, whose end is sure: they are renewed as long as it runs. */
  async scope(key: string | LockKeys, options: ScopeOptions | undefined): Promise<Held> {
    if (typeof key !== 'object') {
      try {
        return (await this.one(key, options, 'scopes')) as Lock;
      } catch (error) {
        return this.without(key, options, error);
      }
    }
    const asked = this.read(key, options, 'scopes');
    try {
      return await this.take(asked);
    } catch (error) {
      return new LockSet(asked.requests.map((one) => this.without(one.key, options, error)));
    }
  }

  /** Goes on with a lock that its holder left. */
  async resume(ticket: string, options: ResumeOptions): Promise<Lock> {
    const { key, place, mode, owner, token, lastToken } = decodeTicket(ticket);
    if (place !== this.store.place) {
      throw new LockTicketError(
        'foreign',
        `the ticket is for ${quoted(place)}, and this service locks in ${quoted(this.store.place)}`,
        key,
      );
    }
    this.checkOpen(key);
    checkOptionNames(options, RESUME_OPTIONS);
    const settings = this.settingsOf(key, options, 'handles');
    const { leaseTime } = settings;
    const grant = await this.store
      .succeed({ key, from: { owner, token }, lastToken, mode, leaseTime })
      .catch(rethrowAs(key));
    if (grant && this.closed) {
      this.store.release(grant, grant.token, Release.unheard);
      throw closedError(key);
    }
    const lock = grant && this.queues.adopt(grant, settings);
    if (lock) return this.keep(lock, settings);
    throw new LockTicketError(
      'ended',
      `the lock on ${quoted(key)} that the ticket is for has ended, or was resumed already`,
      key,
    );
  }

  private read(
    keys: LockKeys,
    options: AcquireOptions | undefined,
    kind: 'handles' | 'scopes',
  ): AskedKeys {
    const settings = this.settingsOf(undefined, options, kind);
    return { requests: readKeys(keys, settings.mode), settings };
  }

  /** In the caller's context: it may stand in a transaction. */
  private settingsOf(
    key: string | undefined,
    options: AcquireOptions | undefined,
    kind: keyof DefaultSettings,
  ): AcquireSettings {
    const defaults = this.defaults[kind];
    const settings = options ? withOptions(defaults, options) : defaults;
    const surroundings = this.transactions.join(key, settings.until);
    if (!surroundings) return settings;
    if (!surroundings.kept) return { ...settings, surroundings };
    // One whose end is never told must not hold for ever.
    const { maxHoldTime = settings.renew ? DEFAULT_MAX_HOLD_TIME : Infinity } = options ?? {};
    return { ...settings, surroundings, maxHoldTime };
  }

  private async oneIn(key: string, settings: AcquireSettings): Promise<Lock | null> {
    const lock = await asking(settings, () => this.enter(key, settings));
    return lock && this.keep(lock, settings);
  }

  /** Has a lock kept for a transaction; gives the part of it that its taker works with. */
  private keep(lock: Lock, { surroundings }: AcquireSettings): Lock {
    const kept = surroundings?.kept;
    if (!kept?.wants(lock)) return lock;
    kept.locks.push(lock);
    return this.queues.keep(lock, kept, kept.isQuiet);
  }

  private async take({ requests, settings }: AskedKeys): Promise<LockSet> {
    const locks = await asking(settings, () =>
      acquireAll(requests, settings.waitTime, this.clock, {
        wait: async ({ key, mode }, waitTime) => {
          const isAsked = requests.length > 1;
          return (await this.enter(key, { ...settings, mode, waitTime }, isAsked)) as Lock;
        },
        try: async ({ key, mode }, together) =>
          (await this.enter(key, { ...settings, mode, waitTime: 0, together })) as Lock,
      }),
    );
    return new LockSet(locks.map((lock) => this.keep(lock, settings)));
  }

  /** A stand-in for a lock that could not be had, where work is to run all the same; throws `error` elsewhere. */
  private without(key: string, options: ScopeOptions | undefined, error: unknown): Lock {
    if (options?.whenUnavailable !== 'proceed' || !(error instanceof LockUnavailableError)) {
      throw error;
    }
    tell(lockEvents.proceedUnlocked, { key, error });
    return unlockedLock(key, this.store, this.clock);
  }

  /** @param isAsked whether it was told already that somebody asks */
  private enter(key: string, settings: AcquireSettings, isAsked = false): Promise<Lock | null> {
    const { signal, surroundings } = settings;
    if (signal?.aborted === true) {
      throw new LockAbortedError(key, abortReason(signal), signal.reason);
    }
    if (!isAsked && lockEvents.start.hasSubscribers) tell(lockEvents.start, { key });
    const frame = surroundings ? frameIn(surroundings) : currentFrame();
    const around = frame && findLock(frame, this.store, key);
    // What it will be is not known yet: perhaps shared, or another's.
    if (around?.changing) return around.changing.then(() => this.enter(key, settings, true));
    if (!around) this.checkOpen(key);
    return this.queues.enter(key, settings, frame, around);
  }

  private checkOpen(key: string): void {
    if (this.closed) throw closedError(key);
  }
}

function asking<T>({ surroundings }: AcquireSettings, ask: () => Promise<T>): Promise<T> {
  return surroundings ? whileAsking(surroundings, ask) : ask();
}
