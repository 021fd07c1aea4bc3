import { SHARED, compatible, type LockMode } from '../../stores/lock-mode.js';
import {
  StoreUnavailableError,
  type Grant,
  type LockStore,
  type ReleaseListener,
} from '../../stores/lock-store.js';
import { FORGOTTEN, Lease, type LeaseOwner } from '../lease/lease.js';
import { Lock } from '../lock.js';
import type { LockSource } from '../lock-source.js';
import { Release } from '../release.js';
import type { Teller } from '../teller.js';
import type { AcquireSettings } from './acquire-settings.js';
import { mayHandOver, mayJoin, readsTogether } from './hand-over.js';
import type { QueueSettings } from './queue-settings.js';
import type { Waiter } from './waiter.js';
import { WaiterQueue } from './waiter-queue.js';

const NO_LEASES: readonly Lease[] = [];
/** Why a downgraded lock is lost that may be shared by now. */
const UNCERTAIN = 'the store gave no answer when it was to be shared, and may have shared it';

/**
 * The leases of one key that this process holds: who holds through them, who comes next on them
 * without another word to the store, and how they go back.
 */
export abstract class KeyLeases implements LockSource, LeaseOwner {
  readonly waiters = new WaiterQueue();
  protected leases: readonly Lease[] = NO_LEASES;

  constructor(
    readonly key: string,
    protected readonly settings: QueueSettings,
  ) {}

  get store(): LockStore {
    return this.settings.store;
  }

  get teller(): Teller {
    return this.settings.teller;
  }

  /** Whether somebody in this process has the key. */
  get isHeld(): boolean {
    return this.leases.length > 0;
  }

  /** A lease or a waiter has come or gone: looks who is next. */
  protected abstract goOn(): void;

  /** Takes in what another process held. */
  adopt(grant: Grant, settings: AcquireSettings): Lock | undefined {
    const now = this.settings.clock.mono();
    const lease = this.keep(grant, settings.leaseTime, settings, now);
    return lease && this.lockOn(lease, settings, now);
  }

  extend(lease: Lease, leaseTime: number): Promise<void> {
    return this.settings.keeper.extend(lease, leaseTime);
  }

  end(lock: Lock): Promise<boolean> {
    const { lease } = lock;
    const now = this.settings.clock.mono();
    // A lost lease has left already, and another may have come: there is nothing to give back.
    if (!lease.checkExpiry(now)) return Release.lost;
    this.settings.holds.ended(this.key, now - lock.since);
    if (!lease.leave(lock)) return Release.done;
    const { first } = this.waiters;
    if (first && mayHandOver(lease, first, this.settings.handOver, now)) {
      this.handOver(lease, first, now);
      return Release.done;
    }
    const release = new Release(lock);
    this.giveBack(lease, release, now);
    return release.answer;
  }

  leaseLost(lease: Lease): void {
    // It may still be ours in the store: given back, the next who waits need not wait for its end.
    this.giveBack(lease, Release.unheard, this.settings.clock.mono());
  }

  async downgrade(lock: Lock): Promise<void> {
    const { lease } = lock;
    const { grant: from, token: lastToken, leaseTime } = lease;
    const { key } = this;
    let next: Grant | null;
    try {
      next = await this.store.succeed({ key, from, lastToken, mode: SHARED, leaseTime });
    } catch (error) {
      // Readers may be beside it by now: it must not be believed to be exclusive any more.
      if (error instanceof StoreUnavailableError) lease.lose(UNCERTAIN, error);
      throw error;
    }
    if (!next) {
      lease.lose(FORGOTTEN);
    } else if (!lease.checkExpiry()) {
      this.store.release(next, next.token, Release.unheard);
    } else {
      const now = this.settings.clock.mono();
      lease.succeeded(next);
      this.settings.keeper.keep(lease, lease.remainingMs, now);
      this.joinReaders(lease, now);
      this.goOn();
    }
  }

  async detach(lock: Lock, leaseTime: number): Promise<void> {
    const { lease } = lock;
    const { heldUntil, leaseTime: before } = lease;
    // Who goes on with it may hold it for longer than this holder.
    lease.heldUntil = Infinity;
    lease.isLeaving = true;
    try {
      await this.extend(lease, leaseTime);
    } catch (error) {
      lease.heldUntil = heldUntil;
      lease.leaseTime = before;
      lease.isLeaving = false;
      const { clock, keeper } = this.settings;
      if (lease.checkExpiry()) keeper.keep(lease, lease.remainingMs, clock.mono());
      throw error;
    }
    lease.isLeaving = false;
    // One that was released meanwhile goes back as any other.
    if (lock.ended || !lease.checkExpiry()) return;
    lease.leave(lock);
    this.remove(lease);
    this.goOn();
  }

  /** Has a lease looked after. One that arrives after its own validity is not a lock, and goes back. */
  protected keep(
    grant: Grant,
    leaseTime: number,
    { maxHoldTime, renew }: AcquireSettings,
    now: number,
  ): Lease | undefined {
    const { clock, keeper, store } = this.settings;
    const lease = new Lease(grant, leaseTime, clock, this, now, renew);
    const left = lease.remainingMs;
    if (left <= 0) {
      store.release(grant, grant.token, Release.unheard);
      return undefined;
    }
    // Mostly the only one: an array that is made to grow would take more than the lease itself.
    this.leases = this.isHeld ? [...this.leases, lease] : [lease];
    lease.holdFor(maxHoldTime, now);
    keeper.keep(lease, left, now);
    void grant.lost?.then((error) => lease.lose(error.message, error));
    return lease;
  }

  /** Gives a waiter the lock, wherever it waits. */
  protected letIn(lease: Lease, waiter: Waiter, now: number): void {
    if (this.waiters.first === waiter) this.waiters.shift();
    waiter.granted(this.lockOn(lease, waiter.settings, now), now);
  }

  /** Lets one who comes read through a lease that others read through, unless somebody waits. */
  protected join(waiter: Waiter, now: number): boolean {
    if (waiter.mode.kind !== 'shared' || this.waiters.first) return false;
    const lease = this.leases.find((one) => mayJoin(one, waiter, this.settings.handOver, now));
    if (!lease) return false;
    lease.handOvers += 1;
    this.letIn(lease, waiter, now);
    return true;
  }

  /** The readers at the head of the queue waited for this lease as well: they come in together. */
  protected joinReaders(lease: Lease, now: number): void {
    for (let next = this.waiters.first; next; next = this.waiters.first) {
      if (!readsTogether(lease, next)) return;
      this.letIn(lease, next, now);
    }
  }

  protected fits(mode: LockMode): boolean {
    return !this.isHeld || compatible(mode, this.leases.map(modeOf));
  }

  /** Whether what this process has will do for a waiter, once it is free: the store need not know of it. */
  protected waitsForHandOver({ mode }: Waiter): boolean {
    const [lease] = this.leases;
    return lease?.grant.mode.kind === mode.kind && !this.fits(mode) && !this.isOtherLimit(mode);
  }

  /** Whether the key is known to have another limit than is asked for: the store refuses that, waiting or not. */
  protected isOtherLimit(mode: LockMode): boolean {
    const held = this.leases[0]?.grant.mode;
    return held?.kind === 'limited' && mode.kind === 'limited' && held.limit !== mode.limit;
  }

  private lockOn(lease: Lease, { caller, minHoldTime }: AcquireSettings, now: number): Lock {
    const lock = new Lock(lease, this, now);
    lock.caller = caller;
    lease.join(lock);
    lease.keepFor(minHoldTime, now);
    return lock;
  }

  /** Passes the lock on inside the process. */
  private handOver(lease: Lease, next: Waiter, now: number): void {
    lease.handOvers += 1;
    lease.token += 1;
    lease.holdFor(next.settings.maxHoldTime, now);
    this.settings.keeper.handedOver(lease);
    this.letIn(lease, next, now);
    // Of an exclusive key nobody is asking while it is held here.
    if (next.mode.kind !== 'exclusive') this.goOn();
  }

  private giveBack(lease: Lease, listener: ReleaseListener, now: number): void {
    if (!this.remove(lease)) return;
    this.store.release(lease.grant, lease.token, listener, lease.keepUntil - now);
    this.goOn();
  }

  private remove(lease: Lease): boolean {
    if (!this.leases.includes(lease)) return false;
    this.leases =
      this.leases.length === 1 ? NO_LEASES : this.leases.filter((other) => other !== lease);
    this.settings.keeper.forget(lease);
    return true;
  }
}

function modeOf({ grant }: Lease): LockMode {
  return grant.mode;
}
