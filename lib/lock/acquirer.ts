import type { Clock } from '../clock.js';
import type { LockStore } from '../stores/lock-store.js';
import { acquireAll } from './acquire-all.js';
import { checkKey, checkOptionNames } from './checks.js';
import { readKeys, type KeyRequest, type LockKeys } from './key-list.js';
import type { Acquisition } from './acquisition.js';
import { frameIn, whileAsking } from './kept-locks.js';
import { lockEvents } from './lock-events.js';
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
import type { Teller } from './teller.js';
import { decodeTicket, type Ticket } from './ticket.js';
import { Release } from './release.js';
import type { Transactions } from './transactions.js';
import { unlockedLock } from './unlocked-lock.js';

/** A list of keys, read, and how they are asked for. */
interface AskedKeys {
  readonly requests: readonly KeyRequest[];
  readonly settings: AcquireSettings;
  /** What is told of each key, while somebody listens. */
  readonly acquisitions: Map<string, Acquisition>;
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
    private readonly teller: Teller,
  ) {}

  /** One lock; a promise of `null` only where the settings say `orNull`. */
  one(
    key: string,
    options: ScopeOptions | undefined,
    kind: keyof DefaultSettings,
    acquisition = this.teller.acquisition(key, options),
  ): Promise<Lock | null> {
    try {
      checkKey(key);
      const settings = this.settingsOf(key, options, kind);
      if (settings.surroundings) return this.oneIn(key, settings, acquisition);
      return this.enter(key, settings, acquisition);
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it was thrown as it is
      return Promise.reject(error);
    }
  }

  /** Several locks, all or none. */
  async all(keys: LockKeys, options: AcquireOptions | undefined): Promise<LockSet> {
    return this.take(this.read(keys, options, 'handles'), options);
  }

  /** The locks for a scope, whose end is sure: they are renewed as long as it runs. */
  async scope(key: string | LockKeys, options: ScopeOptions | undefined): Promise<Held> {
    if (typeof key !== 'object') {
      const acquisition = this.teller.acquisition(key, options);
      try {
        return (await this.one(key, options, 'scopes', acquisition)) as Lock;
      } catch (error) {
        return this.without(key, options, error, acquisition);
      }
    }
    const asked = this.read(key, options, 'scopes');
    try {
      return await this.take(asked, options);
    } catch (error) {
      const locks = asked.requests.map((one) =>
        this.without(one.key, options, error, asked.acquisitions.get(one.key)),
      );
      return new LockSet(locks);
    }
  }

  /** Goes on with a lock that its holder left. */
  async resume(ticket: string, options: ResumeOptions): Promise<Lock> {
    const left = decodeTicket(ticket);
    const { key, place, mode } = left;
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
    const acquisition = this.teller.acquisition(key, undefined);
    const goOn = (): Promise<Lock> => this.goOnWith(left, settings);
    return acquisition ? acquisition.around(goOn, mode, this.clock) : goOn();
  }

  private async goOnWith(left: Ticket, settings: AcquireSettings): Promise<Lock> {
    const { key, mode, owner, token, lastToken } = left;
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
    return { requests: readKeys(keys, settings.mode), settings, acquisitions: new Map() };
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

  private async oneIn(
    key: string,
    settings: AcquireSettings,
    acquisition: Acquisition | undefined,
  ): Promise<Lock | null> {
    const lock = await whileAsking(settings.surroundings, () =>
      this.enter(key, settings, acquisition),
    );
    return lock && this.keep(lock, settings);
  }

  /** Has a lock kept for a transaction; gives the part of it that its taker works with. */
  private keep(lock: Lock, { surroundings }: AcquireSettings): Lock {
    const kept = surroundings?.kept;
    if (!kept?.wants(lock)) return lock;
    kept.locks.push(lock);
    return this.queues.keep(lock, kept, kept.isQuiet);
  }

  private async take(asked: AskedKeys, options: ScopeOptions | undefined): Promise<LockSet> {
    const { requests, settings, acquisitions } = asked;
    // One that was had, and given back because another was not, is asked for anew.
    const acquisitionOf = (key: string): Acquisition | undefined => {
      const open = acquisitions.get(key);
      if (open?.isOpen === true) return open;
      const fresh = this.teller.acquisition(key, options);
      if (fresh) acquisitions.set(key, fresh);
      return fresh;
    };
    const enter = async (key: string, how: AcquireSettings): Promise<Lock> =>
      (await this.enter(key, how, acquisitionOf(key))) as Lock;
    const since = this.clock.mono();
    try {
      const locks = await whileAsking(settings.surroundings, () =>
        acquireAll(requests, settings.waitTime, this.clock, {
          wait: ({ key, mode }, waitTime) => enter(key, { ...settings, mode, waitTime }),
          try: ({ key, mode }, together) =>
            enter(key, { ...settings, mode, waitTime: 0, together }),
        }),
      );
      return new LockSet(locks.map((lock) => this.keep(lock, settings)));
    } catch (error) {
      // Those that were tried, and not waited for yet: what became of one becomes of all.
      const waitedMs = this.clock.mono() - since;
      for (const one of acquisitions.values()) if (one.isOpen) one.rejected(error, waitedMs);
      throw error;
    }
  }

  /** A stand-in for a lock that could not be had, where work is to run all the same; throws `error` elsewhere. */
  private without(
    key: string,
    options: ScopeOptions | undefined,
    error: unknown,
    acquisition = this.teller.acquisition(key, options),
  ): Lock {
    const mayProceed = options?.whenUnavailable === 'proceed';
    if (!mayProceed || !(error instanceof LockUnavailableError)) throw error;
    acquisition?.tell(lockEvents.proceedUnlocked, { error });
    return unlockedLock(key, this.store, this.clock, this.teller);
  }

  private enter(
    key: string,
    settings: AcquireSettings,
    acquisition: Acquisition | undefined,
  ): Promise<Lock | null> {
    try {
      return this.queue(key, settings, acquisition);
    } catch (error) {
      if (acquisition?.isOpen === true) acquisition.rejected(error, 0);
      throw error;
    }
  }

  private queue(
    key: string,
    settings: AcquireSettings,
    acquisition: Acquisition | undefined,
  ): Promise<Lock | null> {
    const { signal, surroundings } = settings;
    if (signal?.aborted === true) {
      throw new LockAbortedError(key, abortReason(signal), signal.reason);
    }
    if (acquisition?.isOpen === false) acquisition.start(settings.mode);
    const frame = surroundings ? frameIn(surroundings) : currentFrame();
    const around = frame && findLock(frame, this.store, key);
    // What it will be is not known yet: perhaps shared, or another's.
    if (around?.changing) return around.changing.then(() => this.enter(key, settings, acquisition));
    if (!around) this.checkOpen(key);
    return this.queues.enter(key, settings, frame, around, acquisition);
  }

  private checkOpen(key: string): void {
    if (this.closed) throw closedError(key);
  }
}
