import type { Clock } from '../clock.js';
import { Lock, type LockSource } from './lock.js';
import { LockLostError } from './lock.errors.js';
import { Tenure } from './tenure.js';

/** The tenure of nobody: never held, so never lost either. */
class NoTenure extends Tenure {
  override get lost(): LockLostError {
    return new LockLostError(this.key, 0, 'it was never had: the work runs without it');
  }

  override look(): void {
    // There is nothing to lose.
  }
}

const nowhere: LockSource & { lost(): void } = {
  end: () => false,
  extend: () => Promise.resolve(),
  lost: () => undefined,
};

/** A stand-in for a lock that could not be had, for work that is to run all the same. */
export function unlockedLock(key: string, clock: Clock): Lock {
  const from = { mono: -Infinity, wall: -Infinity };
  const tenure = new NoTenure({ key, owner: '', token: 0, from, leaseTime: 0 }, clock, nowhere);
  return new Lock(tenure, nowhere, clock.mono());
}
