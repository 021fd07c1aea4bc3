import type { Clock, Timer } from '../../clock.js';
import type { LockStore, Renewal } from '../../stores/lock-store.js';
import { outside } from '../../outside.js';
import { FORGOTTEN, type Lease, type SentRenewal } from './lease.js';
import { LeaseBuckets } from './lease-buckets.js';

/** A failed renewal is tried again after this share of what is left, in ms at most and least. */
const RETRY_SHARE = 1 / 6;
const RETRY_MOST = 1_000;
const RETRY_LEAST = 5;

/**
 * Keeps all leases of this process: renews each every third of its time, tries again what failed,
 * and tells a lease that it is lost before it can have ended in the store. One timer; the leases
 * due together are renewed in one call to the store.
 */
export class LeaseKeeper {
  private readonly buckets = new LeaseBuckets();
  private readonly endRecovery: () => void;
  private timer: Timer | undefined;
  private timerAt = Infinity;

  constructor(
    private readonly store: LockStore,
    private readonly clock: Clock,
  ) {
    // Another server may know nothing of them: that is not to be learnt a third of a lease later.
    this.endRecovery = store.onRecovery(() => this.renew(this.all()));
  }

  /** How many leases are kept. */
  get size(): number {
    return this.buckets.size;
  }

  all(): Lease[] {
    return this.buckets.all();
  }

  /**
   * Looks after a lease from now on. One that began shorter than was asked for is extended at once:
   * the command is on its way when this returns.
   * @param left ms for which it may be believed in
   * @param now on the monotonic clock
   */
  keep(lease: Lease, left: number, now: number): void {
    if (lease.grant.leaseTime < lease.leaseTime) this.renew([lease]);
    else this.schedule(lease, lease.wantsRenewal ? left / 3 : left, now);
  }

  /** The lease has a new holder, whose `maxHoldTime` may end before the next look. */
  handedOver(lease: Lease): void {
    const isInTime = lease.heldUntil >= this.buckets.dueAt(lease);
    if (lease.isLast || !isInTime) this.schedule(lease, lease.remainingMs / 3);
  }

  forget(lease: Lease): void {
    this.buckets.remove(lease);
  }

  /**
   * Renews one lease now, and by `leaseTime` ms from now on. Rejects as the store does; the loss of
   * the lock is told by the lease itself.
   */
  async extend(lease: Lease, leaseTime: number): Promise<void> {
    lease.leaseTime = leaseTime;
    if (!lease.renews) lease.heldUntil = this.clock.mono() + leaseTime;
    const sent = lease.renewing();
    // A shorter lease is to be looked after sooner, and its answer may never come.
    if (this.buckets.has(lease)) this.schedule(lease, lease.remainingMs / 3);
    const [answer] = this.store.extend([{ grant: lease.grant, leaseTime: sent.leaseTime }]);
    this.answered(lease, (await answer) ?? null, sent);
  }

  stop(): void {
    this.endRecovery();
    this.timer?.cancel();
    this.timerAt = Infinity;
    this.buckets.clear();
  }

  /** Looks at a lease after `delay` ms, or when its `maxHoldTime` ends. */
  private schedule(lease: Lease, delay: number, now = this.clock.mono()): void {
    const at = this.buckets.put(lease, now, Math.min(delay, Math.max(1, lease.heldUntil - now)));
    if (at < this.timerAt) this.arm(at);
  }

  private arm(at: number): void {
    this.timer?.cancel();
    this.timerAt = at;
    const delay = Math.max(1, Math.ceil(at - this.clock.mono()));
    this.timer = outside(() => this.clock.after(delay, () => this.look(), true));
  }

  private look(): void {
    this.timerAt = Infinity;
    const now = this.clock.mono();
    const due = this.buckets.takeDue(now);
    // A lease that is found lost leaves by itself.
    const wanted = due.filter((lease) => this.isWanted(lease, now));
    this.renew(wanted.filter(({ wantsRenewal }) => wantsRenewal));
    for (const lease of wanted) if (!lease.wantsRenewal) this.schedule(lease, lease.remainingMs);
    const next = this.buckets.earliest();
    if (next < this.timerAt) this.arm(next);
  }

  private isWanted(lease: Lease, now: number): boolean {
    if (!lease.checkExpiry()) return false;
    if (now >= lease.heldUntil) lease.lose('maxHoldTime has passed');
    return !lease.lost;
  }

  private renew(leases: readonly Lease[]): void {
    if (leases.length === 0) return;
    const sent = leases.map((lease) => lease.renewing());
    const grants = leases.map(({ grant }) => grant);
    const requests = grants.map((grant, i) => ({
      grant,
      leaseTime: (sent[i] as SentRenewal).leaseTime,
    }));
    // Whatever becomes of the renewal, the end of the validity is looked at in time.
    for (const lease of leases) this.schedule(lease, lease.remainingMs);
    this.store.extend(requests).forEach((answer, i) => {
      const lease = leases[i] as Lease;
      // Of a grant that has been succeeded there is nothing more to say.
      const isCurrent = (): boolean => lease.grant === grants[i];
      answer.then(
        (renewal) => isCurrent() && this.answered(lease, renewal, sent[i] as SentRenewal),
        (error: unknown) => isCurrent() && this.failed(lease, error, sent[i] as SentRenewal),
      );
    });
  }

  private answered(lease: Lease, renewal: Renewal | null, sent: SentRenewal): void {
    if (!this.buckets.has(lease)) return;
    if (renewal === null) {
      lease.lose(FORGOTTEN);
      return;
    }
    lease.renewed(renewal.from, renewal.leaseTime, sent);
    // After a pause the answer may be older than the lease it tells of.
    if (!lease.checkExpiry()) return;
    // The last one reaches as far as it may: what is left is to end in time.
    const isEnough = sent.last && renewal.leaseTime >= sent.leaseTime;
    this.schedule(
      lease,
      isEnough || !lease.wantsRenewal ? lease.remainingMs : lease.remainingMs / 3,
    );
  }

  private failed(lease: Lease, error: unknown, sent: SentRenewal): void {
    if (!this.buckets.has(lease) || !lease.checkExpiry()) return;
    lease.suspected(error, sent);
    const left = lease.remainingMs;
    this.schedule(lease, Math.min(RETRY_MOST, Math.max(RETRY_LEAST, left * RETRY_SHARE), left));
  }
}
