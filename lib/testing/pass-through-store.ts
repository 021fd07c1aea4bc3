import type { Clock } from '../clock.js';
import { OwnerMint } from '../stores/owner.js';
import { soonOutside } from '../outside.js';
import {
  LockStore,
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type Grant,
  type HolderInfo,
  type LeaseRequest,
  type LockPage,
  type LockState,
  type ReleaseListener,
  type Renewal,
  type StoreTraits,
  type Succession,
} from '../stores/lock-store.js';

/** Gives every lock to everybody at once; no lease ends by itself. */
export class PassThroughStore extends LockStore {
  readonly traits: StoreTraits = { localHandOver: false, leases: 'each' };
  readonly place = 'pass-through';
  private readonly owners = new OwnerMint();
  private readonly grants = new Map<string, Grant>();
  private lastToken = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    const grant = this.give(request);
    let isTold = false;
    soonOutside(() => {
      if (!this.grants.has(grant.owner)) return;
      isTold = true;
      listener.granted(grant);
    });
    const leave = (): void => {
      if (!isTold) this.grants.delete(grant.owner);
    };
    return { progress: { state: 'unanswered' }, silence: undefined, leave };
  }

  extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    const from = this.clock.now();
    return leases.map(({ grant, leaseTime }) =>
      Promise.resolve(this.grants.has(grant.owner) ? { from, leaseTime } : null),
    );
  }

  release(grant: Grant, _lastToken: number, listener: ReleaseListener): void {
    const ours = this.grants.delete(grant.owner);
    soonOutside(() => listener.released(ours));
  }

  succeed({ key, from, mode, leaseTime }: Succession): Promise<Grant | null> {
    const isHeld = this.grants.delete(from.owner);
    return Promise.resolve(isHeld ? this.give({ key, mode, leaseTime }) : null);
  }

  inspect(key: string): Promise<LockState> {
    return Promise.resolve({ key, holders: this.holdersOf(key), waiting: 0 });
  }

  list(): Promise<LockPage> {
    const keys = [...new Set([...this.grants.values()].map(({ key }) => key))].sort();
    const locks = keys.map((key) => ({ key, holders: this.holdersOf(key), waiting: 0 }));
    return Promise.resolve({ locks, cursor: undefined });
  }

  forceRelease(key: string): Promise<boolean> {
    const owners = [...this.grants.values()].filter((grant) => grant.key === key);
    for (const { owner } of owners) this.grants.delete(owner);
    return Promise.resolve(owners.length > 0);
  }

  close(): Promise<void> {
    this.grants.clear();
    return Promise.resolve();
  }

  private give({ key, mode, leaseTime }: Pick<LeaseRequest, 'key' | 'mode' | 'leaseTime'>): Grant {
    const from = this.clock.now();
    const token = Math.max(this.lastToken + 1, Math.floor(from.wall * 1_000));
    this.lastToken = token;
    const { holder } = this.owners;
    const owner = this.owners.next();
    const grant: Grant = { key, mode, owner, holder, token, lastToken: token, from, leaseTime };
    this.grants.set(owner, grant);
    return grant;
  }

  private holdersOf(key: string): HolderInfo[] {
    return [...this.grants.values()]
      .filter((grant) => grant.key === key)
      .map(({ holder, mode, from, leaseTime }) => ({
        holder,
        mode,
        sinceEpochMs: from.wall,
        remainingMs: leaseTime,
      }));
  }
}
