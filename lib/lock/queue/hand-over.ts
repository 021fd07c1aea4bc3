import { isSameMode } from '../../stores/lock-mode.js';
import type { Lease } from '../lease/lease.js';
import type { HandOverBound } from './queue-settings.js';
import type { Waiter } from './waiter.js';

/** Whether a lease that its holder has ended may pass to `next` without a word to the store. */
export function mayHandOver(
  lease: Lease,
  next: Waiter,
  bound: HandOverBound,
  now: number,
): boolean {
  return (
    lease.handOvers < bound.count &&
    lease.token < lease.grant.lastToken &&
    now - lease.grantedAt < bound.time &&
    now >= lease.keepUntil &&
    suits(lease, next)
  );
}

/** Whether one who comes now may hold through a lease that others of this process read through. */
export function mayJoin(lease: Lease, next: Waiter, bound: HandOverBound, now: number): boolean {
  return (
    lease.handOvers < bound.count &&
    now - lease.grantedAt < bound.time &&
    readsTogether(lease, next) &&
    !lease.isLeaving &&
    lease.isValid()
  );
}

/** Whether `next` may read through the same lease. */
export function readsTogether(lease: Lease, next: Waiter): boolean {
  return (
    next.mode.kind === 'shared' &&
    lease.maxHoldTime === next.settings.maxHoldTime &&
    suits(lease, next)
  );
}

/** Whether a lease is what a waiter would have asked for. */
function suits(lease: Lease, { mode, leaseTime, settings }: Waiter): boolean {
  return (
    leaseTime === lease.leaseTime &&
    settings.renew &&
    lease.renews &&
    isSameMode(mode, lease.grant.mode)
  );
}
