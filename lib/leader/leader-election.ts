import { systemClock, type Clock } from '../clock.js';
import { defer, type Deferred } from '../deferred.js';
import {
  LockAbortedError,
  LockLostError,
  LockUsageError,
  detailOf,
  quoted,
} from '../lock/lock.errors.js';
import type { Lock } from '../lock/lock.js';
import type { LockService } from '../lock/lock.service.js';
import { abortReason } from '../lock/queue/acquire-settings.js';
import { outside } from '../outside.js';
import { silentLog, type StoreLog } from '../stores/store-log.js';
import { Candidacy } from './candidacy.js';
import { LeaderListeners, type LeaderEvents } from './leader-events.js';
import {
  checkLeaderOptions,
  checkStepDown,
  type LeaderElectionOptions,
  type StepDownOptions,
} from './leader-options.js';
import { LeaderTerm } from './leader-term.js';

/** A term that lasts, its lock, and what settles when that is back. */
interface Office {
  readonly term: LeaderTerm;
  readonly lock: Lock;
  readonly given: Deferred<undefined>;
}

/** Which keys are run for on a service in this process. */
const candidates = new WeakMap<LockService, Set<string>>();

/**
 * Sees to it that one process of many is leader: runs for it in the background from `start()` to
 * `close()`, in the queue of the store, first come, first served, and again after each loss. In Nest
 * `LeaderElectionModule` makes it, and the application's start and end are those of the election.
 *
 * @example
 * ```ts
 * const election = new LeaderElection(locks, { key: 'scheduler' });
 * election.on('gained', (term) => void poll({ signal: term.signal, fence: term.token }));
 * election.start();
 * // at the end, before locks.close()
 * await election.close();
 * ```
 */
export class LeaderElection implements AsyncDisposable {
  readonly key: string;

  private readonly log: StoreLog;
  private readonly clock: Clock;
  private readonly listeners = new LeaderListeners();
  private readonly candidacy: Candidacy;
  private readonly waiting = new Set<Deferred<LeaderTerm>>();
  private current: Office | undefined;
  private running: Promise<void> | undefined;
  /** Why it is over, once it is. */
  private closed: LockAbortedError | undefined;

  /** @throws LockUsageError, LockKeyError for a bad option */
  constructor(
    private readonly locks: LockService,
    options: LeaderElectionOptions,
  ) {
    // As a provider without a factory it would be made of nothing.
    if (typeof (locks as Partial<LockService> | undefined)?.acquire !== 'function') {
      throw new LockUsageError(
        'a LeaderElection needs a LockService: new LeaderElection(locks, { key }); in Nest import LeaderElectionModule.register({ key }) instead of naming the class as a provider',
      );
    }
    checkLeaderOptions(options);
    const { key, leaseTime, log = silentLog, clock = systemClock } = options;
    this.key = key;
    this.log = log;
    this.clock = clock;
    this.candidacy = new Candidacy(locks, { key, leaseTime, clock }, log);
  }

  /** Whether this process is leader, by both of its clocks, right now: true in one process at most. */
  get isLeader(): boolean {
    return this.term !== undefined;
  }

  /** The term of this process; undefined while it is not leader. */
  get term(): LeaderTerm | undefined {
    const term = this.current?.term;
    return term?.isHeld() === true ? term : undefined;
  }

  /**
   * Runs for leader from now on. Once is enough; after `stepDown` it ends the pause.
   * @throws LockUsageError when it was closed, or another election runs for the key on the same service
   */
  start(): void {
    if (this.closed) {
      throw new LockUsageError(`the election for ${quoted(this.key)} was closed: make a new one`);
    }
    this.candidacy.wake();
    if (this.running) return;
    const keys = candidates.get(this.locks) ?? new Set();
    if (keys.has(this.key)) {
      throw new LockUsageError(
        `two elections for ${quoted(this.key)} on one LockService: the second would wait for the first for ever. Register it once, and import its module where it is needed, or give it another key`,
      );
    }
    candidates.set(this.locks, keys.add(this.key));
    // Not inside whatever locks the caller holds.
    this.running = outside(() => this.candidacy.run((lock) => this.serve(lock))).then((error) => {
      keys.delete(this.key);
      // Its service was closed first.
      if (error) this.finish(error);
    });
  }

  /**
   * Listens, until what is returned is called. Listeners run in nobody's context; who comes to `gained`
   * during a term is told of that.
   * @throws LockUsageError for an event that there is not
   *
   * @example
   * ```ts
   * election.on('gained', (term) => void this.poll(term.signal));
   * election.on('lost', (term, reason) => this.logger.warn(reason.detail));
   * ```
   */
  on<E extends keyof LeaderEvents>(event: E, listener: LeaderEvents[E]): () => void {
    return this.listeners.add(event, listener, this.term);
  }

  /**
   * Resolves when this process is leader, at once if it is.
   * @throws LockAbortedError when `signal` aborts, or the election is closed
   */
  async whenLeader(signal?: AbortSignal): Promise<LeaderTerm> {
    if (this.closed) throw this.closed;
    const { term } = this;
    if (signal?.aborted === true) throw this.calledOff(signal);
    if (term) return term;
    const waiter = defer<LeaderTerm>();
    const onAbort = (): void => waiter.reject(this.calledOff(signal as AbortSignal));
    signal?.addEventListener('abort', onAbort, { once: true });
    this.waiting.add(waiter);
    try {
      return await waiter.promise;
    } finally {
      this.waiting.delete(waiter);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Runs `task` if this process is leader now; otherwise it is left out. It finds its term by
   * `currentTerm()` too.
   * @returns what the task returns; undefined when it was left out
   * @throws LockLostError when the term was lost meanwhile and the task ended well; not when it was
   * given up by `stepDown` or `close`, which the task learns from the term's signal
   */
  async ifLeader<T>(task: (term: LeaderTerm) => T | Promise<T>): Promise<T | undefined> {
    const { term } = this;
    if (!term) return undefined;
    const result = await term.run(() => task(term));
    if (term.lost) throw term.lost;
    return result;
  }

  /**
   * Gives the lead to the next who waits: the term's signal aborts, then the lock goes back. A candidate
   * leaves the queue, and comes again as late.
   * @returns whether it was leader; resolves when the lock is back, or the store gives no answer, so
   * that its lease ends by itself
   * @throws LockUsageError for a bad option
   */
  async stepDown(options: StepDownOptions = {}): Promise<boolean> {
    const { runAgainAfter = 0 } = checkStepDown(options);
    const { term } = this;
    const given = this.current?.given.promise;
    if (term) this.end(this.lossBy('the leader stepped down'), false);
    this.candidacy.restart(runAgainAfter);
    await given;
    return term !== undefined;
  }

  /**
   * Ends the election, the term first. Call it before the `LockService` is closed, which would wait for
   * it; in Nest that is done.
   */
  async close(): Promise<void> {
    if (this.term) this.end(this.lossBy('the election was closed'), false);
    this.finish(new LockAbortedError(this.key, 'the election was closed'));
    await this.running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nest calls this when all modules are there. */
  onApplicationBootstrap(): void {
    this.start();
  }

  /** Nest calls this when it begins to shut down: requests may still be running for long. */
  onModuleDestroy(): Promise<void> {
    return this.close();
  }

  /** From an election to the end of its term; resolves when the lock is back. */
  private async serve(lock: Lock): Promise<void> {
    const { signal } = lock;
    if (signal.aborted) return;
    const term = new LeaderTerm(lock, this.clock.wall());
    const given = defer<undefined>();
    const onLost = (): void => this.end(signal.reason as LockLostError, true);
    signal.addEventListener('abort', onLost, { once: true });
    this.current = { term, lock, given };
    this.log.log(`leader of ${quoted(this.key)}, token ${term.token}`);
    for (const waiter of this.waiting) waiter.resolve(term);
    this.listeners.tell('gained', term);
    await given.promise;
    signal.removeEventListener('abort', onLost);
  }

  /** Ends the term: its signal aborts, the listeners are told, and only then the lock goes back. */
  private end(reason: LockLostError, isLoss: boolean): void {
    const { current } = this;
    if (!current) return;
    this.current = undefined;
    current.term.end(reason, isLoss);
    if (isLoss) this.log.warn(`leader no longer: ${reason.detail}`);
    else this.log.log(`leader of ${quoted(this.key)} no longer, it was given up`);
    this.listeners.tell('lost', current.term, reason);
    void this.giveBack(current.lock).then(() => current.given.resolve(undefined));
  }

  private async giveBack(lock: Lock): Promise<void> {
    try {
      await lock.release();
    } catch (error) {
      this.log.warn(`the next leader has to wait for the lease to end: ${detailOf(error)}`);
    }
  }

  private lossBy(reason: string): LockLostError {
    return new LockLostError(this.key, this.current?.term.token ?? 0, reason);
  }

  private finish(error: LockAbortedError): void {
    this.closed ??= error;
    this.candidacy.stop();
    for (const waiter of this.waiting) waiter.reject(this.closed);
  }

  private calledOff(signal: AbortSignal): LockAbortedError {
    return new LockAbortedError(this.key, abortReason(signal), signal.reason);
  }
}
