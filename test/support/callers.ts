import type { Attempt, Grant, LockStore } from '../../lib/stores/lock-store.js';
import { until } from './until.js';

/** Long enough never to end within a test. */
export const LONG = 60_000;
/** Short enough to wait for its end, long enough for the commands of a slow machine. */
export const SHORT = 150;

/** Shorthands for one store of a harness. */
export class Callers {
  constructor(readonly store: LockStore) {}

  wait(key: string, leaseTime = LONG): Attempt {
    return this.store.acquire({ key, leaseTime, wait: true });
  }

  async take(key: string, leaseTime = LONG): Promise<Grant> {
    const grant = await this.wait(key, leaseTime).granted;
    if (grant === null) throw new Error(`"${key}" was refused to a caller that waits`);
    return grant;
  }

  async tryTake(key: string, leaseTime = LONG): Promise<Grant | null> {
    return this.store.acquire({ key, leaseTime, wait: false }).granted;
  }

  /** Joins the line and resolves when the store says that so many stand in it. */
  async waitAsNumber(place: number, key: string, leaseTime = LONG): Promise<Attempt> {
    const attempt = this.wait(key, leaseTime);
    await this.untilWaiting(key, place);
    return attempt;
  }

  async untilWaiting(key: string, count: number): Promise<void> {
    await until(`${count} in the line of ${key.slice(0, 50)}`, async () => {
      return (await this.store.inspect(key)).waiting === count;
    });
  }
}

export async function granted(attempt: Attempt): Promise<Grant> {
  const grant = await attempt.granted;
  if (grant === null) throw new Error('refused to a caller that waits');
  return grant;
}
