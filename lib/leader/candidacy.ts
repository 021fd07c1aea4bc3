import type { Clock } from '../clock.js';
import { LockAbortedError, detailOf, quoted } from '../lock/lock.errors.js';
import type { Lock } from '../lock/lock.js';
import type { LockService } from '../lock/lock.service.js';
import type { StoreLog } from '../stores/store-log.js';

/** How long to wait after a failure, in ms at least and most: at random, so that candidates spread. */
export const RETRY_LEAST = 200;
export const RETRY_MOST = 1_000;
/** A wait that lasted so long was in a queue: what fails after it is another trouble than before. */
const QUEUED_FOR = 60_000;

export interface CandidacySettings {
  readonly key: string;
  readonly leaseTime: number | undefined;
  readonly clock: Clock;
}

/** Waits for the lock of an election, again and again, whatever the store says, until it is stopped. */
export class Candidacy {
  private round = new AbortController();
  private stopped = false;
  /** Not to run again before, on the monotonic clock. */
  private restUntil = 0;
  private endRest: () => void = () => undefined;
  private isTold = false;

  constructor(
    private readonly locks: LockService,
    private readonly settings: CandidacySettings,
    private readonly log: StoreLog,
  ) {}

  /**
   * @param serve what an election leads to; the next begins when it has ended
   * @returns why no lock is to be had any more, when the service was closed before this was stopped
   */
  async run(serve: (lock: Lock) => Promise<void>): Promise<LockAbortedError | undefined> {
    const { clock } = this.settings;
    while (!this.stopped) {
      const { signal } = (this.round = new AbortController());
      const since = clock.mono();
      try {
        const lock = await this.ask(signal);
        this.isTold = false;
        // It may have been called off, or have ended, before this was told.
        if (!signal.aborted && lock.isHeld()) await serve(lock);
        else await lock.release();
      } catch (error) {
        if (!signal.aborted) {
          if (error instanceof LockAbortedError) return error;
          this.failed(error as Error, clock.mono() - since);
        }
      }
      await this.rest();
    }
    return undefined;
  }

  /** Leaves the queue, and enters it again in `delay` ms. */
  restart(delay: number): void {
    this.restUntil = this.settings.clock.mono() + delay;
    this.round.abort('it stepped down');
    this.endRest();
  }

  /** Runs at once, if it was not to yet. */
  wake(): void {
    this.restUntil = 0;
    this.endRest();
  }

  stop(): void {
    this.stopped = true;
    this.round.abort('the election was closed');
    this.endRest();
  }

  private ask(signal: AbortSignal): Promise<Lock> {
    const { key, leaseTime } = this.settings;
    // Fair: who steps down comes after all who wait, also in its own process.
    const fair = true;
    const forEver = { waitTime: Infinity, maxHoldTime: Infinity };
    return this.locks.acquire(key, { ...forEver, fair, leaseTime, signal, until: 'method' });
  }

  private failed(error: Error, waitedMs: number): void {
    if (waitedMs >= QUEUED_FOR) this.isTold = false;
    if (!this.isTold) {
      const { key } = this.settings;
      this.log.error(
        `no leader of ${quoted(key)} from here, tries again until it can: ${detailOf(error)}`,
      );
    }
    this.isTold = true;
    const delay = RETRY_LEAST + Math.random() * (RETRY_MOST - RETRY_LEAST);
    this.restUntil = Math.max(this.restUntil, this.settings.clock.mono() + delay);
  }

  private async rest(): Promise<void> {
    const { clock } = this.settings;
    for (;;) {
      const left = this.restUntil - clock.mono();
      if (this.stopped || left <= 0) return;
      await new Promise<void>((resolve) => {
        const timer = left < Infinity ? clock.after(left, resolve, true) : undefined;
        this.endRest = () => {
          timer?.cancel();
          resolve();
        };
      });
    }
  }
}
