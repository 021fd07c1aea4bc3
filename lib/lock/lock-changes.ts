import { describeMode } from '../stores/lock-mode.js';
import { MIN_LEASE_TIME, checkTime } from './checks.js';
import { lockEvents } from './lock-events.js';
import type { Lock } from './lock.js';
import { LockError, LockUsageError, quoted, storeError } from './lock.errors.js';
import { encodeTicket } from './ticket.js';

/** Renews a lock by `ms`: see `Lock.extend`. */
export async function extend(lock: Lock, ms: number): Promise<void> {
  checkTime('ms', ms, MIN_LEASE_TIME);
  if (lock.changing) await unchanging(lock);
  lock.assertHeld();
  try {
    await lock.source.extend(lock.lease, ms);
  } catch (error) {
    throw storeError(lock.key, error);
  }
  lock.assertHeld();
}

/** Makes an exclusive lock a shared one: see `Lock.downgrade`. */
export async function downgrade(lock: Lock): Promise<void> {
  if (lock.changing) await unchanging(lock);
  const { key, mode, nested, source } = lock;
  if (mode.kind === 'shared') return;
  if (mode.kind === 'limited' || nested?.isBusy === true) {
    const inside = nested?.isBusy === true ? ', and again inside that' : '';
    throw new LockUsageError(
      `${quoted(key)} is held as ${describeMode(mode)}${inside}: only an exclusive lock with nothing inside can be downgraded`,
      key,
    );
  }
  lock.assertHeld();
  await change(lock, async () => {
    await source.downgrade(lock);
    // For everybody else a lock's token stands still.
    (lock as { token: number }).token = lock.lease.token;
    lock.assertHeld();
  });
}

/** Leaves a lock to whoever gets the ticket: see `Lock.handOff`. */
export async function handOff(lock: Lock, leaseTime: number): Promise<string> {
  checkTime('leaseTime', leaseTime, MIN_LEASE_TIME);
  if (lock.changing) await unchanging(lock);
  const { key, lease, nested, source, store } = lock;
  lock.assertHeld();
  if (nested?.isBusy === true || lease.holders.length > 1) {
    throw new LockUsageError(
      `${quoted(key)} is held by others of this process too, through the same lease: it cannot be handed off; take it alone, or shared with fair: true`,
      key,
    );
  }
  await change(lock, async () => {
    await source.detach(lock, leaseTime);
    lock.assertHeld();
    lock.leave();
    lease.teller.tell(lockEvents.handedOff, lock);
  });
  const { mode, owner, token } = lease.grant;
  return encodeTicket({ place: store.place, key, mode, owner, token, lastToken: lease.token });
}

/** One change comes after the other: each goes by the grant that the one before has left. */
async function unchanging(lock: Lock): Promise<void> {
  while (lock.changing) await lock.changing;
}

/** Who releases meanwhile waits for it, so that what is released is what was granted last. */
async function change(lock: Lock, work: () => Promise<void>): Promise<void> {
  const changed = work();
  lock.changing = changed
    .catch(() => undefined)
    .finally(() => {
      lock.changing = undefined;
    });
  try {
    await changed;
  } catch (error) {
    throw error instanceof LockError ? error : storeError(lock.key, error);
  }
}
