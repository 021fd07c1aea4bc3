import type { Clock } from '../clock.js';
import { EXCLUSIVE } from '../stores/lock-mode.js';
import type { LockStore } from '../stores/lock-store.js';
import { Lease } from './lease/lease.js';
import { Lock } from './lock.js';
import type { LockSource } from './lock-source.js';
import { LockLostError } from './lock.errors.js';
import { Release } from './release.js';
import type { Teller } from './teller.js';

/** A stand-in for a lock that could not be had, for work that is to run all the same. */
export function unlockedLock(key: string, store: LockStore, clock: Clock, teller: Teller): Lock {
  const from = { mono: -Infinity, wall: -Infinity };
  const nobody = { key, mode: EXCLUSIVE, owner: '', holder: '', token: 0, lastToken: 0 };
  const source: LockSource = {
    store,
    end: () => Release.done,
    extend: () => Promise.resolve(),
    downgrade: () => Promise.resolve(),
    detach: () => Promise.resolve(),
  };
  const owner = { teller, leaseLost: () => undefined };
  const now = clock.mono();
  const lease = new Lease({ ...nobody, from, leaseTime: 0 }, 0, clock, owner, now);
  // Never held, so there is nothing to tell of.
  lease.lost = new LockLostError(key, 0, 'it was never had: the work runs without it');
  return new Lock(lease, source, now);
}
