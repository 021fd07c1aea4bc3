import type { Clock, Instant, Timer } from '../clock.js';
import type { LockStore } from '../stores/lock-store.js';
import type { Renewal, Tenure } from './tenure.js';

/** How many looks a third of a lease is divided into: renewals due together travel together. */
const LOOKS_PER_RENEWAL = 64;
/** A failed renewal is tried again after this share of what is left, in ms at most and least. */
const RETRY_SHARE = 1 / 6;
const RETRY_MOST = 1_000;
const RETRY_LEAST = 5;

/**
 * Keeps all leases of this process: renews each every third of its time, tries again what failed,
 * and tells a tenure that it is lost before its lease can have ended on the server. One timer; the
 * tenures due at one look are renewed in one call to the store.
 */
export class LeaseKeeper {
  private readonly looks = new Map<number, Set<Tenure>>();
  private timer: Timer | undefined;
  private timerAt = Infinity;

  constructor(
    private readonly store: LockStore,
    private readonly clock: Clock,
  ) {}

  /** @param left ms for which it may be believed in */
  keep(tenure: Tenure, left: number): void {
    this.scheduleRenewal(tenure, left);
  }

  forget(tenure: Tenure): void {
    this.looks.get(tenure.nextLook)?.delete(tenure);
  }

  /**
   * Renews one lease now, for `leaseTime` ms from here on. Rejects when the store does not answer;
   * the loss of the lock is announced by the tenure itself.
   */
  async extend(tenure: Tenure, leaseTime: number): Promise<void> {
    tenure.leaseTime = leaseTime;
    const renewal = tenure.renewing(leaseTime);
    this.lookSooner(tenure);
    const [answer] = this.store.extend([tenure]);
    const from = await answer;
    if (from !== undefined) this.answered(tenure, from, renewal);
  }

  stop(): void {
    this.timer?.cancel();
    this.timerAt = Infinity;
    this.looks.clear();
  }

  private scheduleRenewal(tenure: Tenure, left: number): void {
    this.schedule(tenure, this.renewalAt(left));
  }

  /** A shorter lease is to be looked after sooner, and its answer may never come. */
  private lookSooner(tenure: Tenure): void {
    const due = this.renewalAt(tenure.remaining);
    if (due >= tenure.nextLook || !this.watches(tenure)) return;
    this.forget(tenure);
    this.schedule(tenure, due);
  }

  /** A third into what is left, rounded so that neighbours meet at one look. */
  private renewalAt(left: number): number {
    const third = left / 3;
    const grain = 2 ** Math.max(0, Math.floor(Math.log2(third / LOOKS_PER_RENEWAL)));
    return Math.floor((this.clock.mono() + third) / grain) * grain;
  }

  private schedule(tenure: Tenure, at: number): void {
    tenure.nextLook = at;
    const look = this.looks.get(at);
    if (look) look.add(tenure);
    else this.looks.set(at, new Set([tenure]));
    if (at < this.timerAt) this.arm(at);
  }

  private arm(at: number): void {
    this.timer?.cancel();
    this.timerAt = at;
    const delay = Math.max(1, Math.ceil(at - this.clock.mono()));
    this.timer = this.clock.after(delay, () => this.look(), true);
  }

  private look(): void {
    this.timerAt = Infinity;
    const now = this.clock.mono();
    const due: Tenure[] = [];
    for (const [at, tenures] of this.looks) {
      if (at > now) continue;
      this.looks.delete(at);
      for (const tenure of tenures) if (this.isDue(tenure, now)) due.push(tenure);
    }
    if (due.length > 0) this.renew(due);
    let next = Infinity;
    for (const at of this.looks.keys()) if (at < next) next = at;
    if (next < this.timerAt) this.arm(next);
  }

  /** Whether to renew; the loss, if it is one, is announced by the looking itself. */
  private isDue(tenure: Tenure, now: number): boolean {
    if (tenure.lost) return false;
    if (now < tenure.renewUntil) return true;
    this.schedule(tenure, now + tenure.remaining);
    return false;
  }

  private renew(tenures: Tenure[]): void {
    const renewals = tenures.map((tenure) => tenure.renewing(tenure.leaseTime));
    this.store.extend(tenures).forEach((answer, i) => {
      const tenure = tenures[i] as Tenure;
      const renewal = renewals[i] as Renewal;
      // Whatever becomes of the renewal, the end of the validity is looked at in time.
      this.schedule(tenure, this.clock.mono() + tenure.remaining);
      answer.then(
        (from) => this.answered(tenure, from, renewal),
        (error: unknown) => this.failed(tenure, error),
      );
    });
  }

  private answered(tenure: Tenure, from: Instant | null, renewal: Renewal): void {
    if (!this.watches(tenure)) return;
    this.forget(tenure);
    if (from === null) {
      tenure.lose('the store has given it to another, or has no memory of it');
      return;
    }
    tenure.renewed(from, renewal);
    // After a pause the answer may be older than the lease it tells of.
    if (!tenure.lost) this.scheduleRenewal(tenure, tenure.remaining);
  }

  private failed(tenure: Tenure, error: unknown): void {
    if (!this.watches(tenure) || tenure.lost) return;
    tenure.suspected(error);
    this.forget(tenure);
    const left = tenure.remaining;
    const wait = Math.min(RETRY_MOST, Math.max(RETRY_LEAST, left * RETRY_SHARE), left);
    this.schedule(tenure, this.clock.mono() + wait);
  }

  private watches(tenure: Tenure): boolean {
    return this.looks.get(tenure.nextLook)?.has(tenure) ?? false;
  }
}
