import type { Attempt, Grant, LockStore } from '../../lib/stores/lock-store.js';
import { until } from '../support/until.js';

/** What the suite needs to know of a store to put it to the test. */
export interface StoreHarness {
  readonly store: LockStore;
  /** A store on the same locks, as another process would have it; closed by `stop()`. */
  readonly other: LockStore;
  /** The monotonic clock that the stores go by, in ms. */
  now(): number;
  /** Lets time pass for the leases. */
  pass(ms: number): Promise<void>;
  /** Everything that is kept anywhere for any key: empty when nobody holds or waits. */
  leftovers(): Promise<string[]>;
  /** Called after each test; closes both stores, whether the test did so or not. */
  stop(): Promise<void>;
}

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

export const STRANGE_KEYS: readonly string[] = [
  'order:{42}',
  '{}',
  '{',
  '}',
  '{a}{b}',
  'a}b{c',
  'say "hello"',
  "it's",
  'line one\nline two\r\n',
  '\u0000\u0001\u007f',
  ' ',
  'tab\there',
  'back\\slash',
  '*?[a-z]',
  '%7B%25',
  '🔒',
  '👩‍👩‍👧',
  'e\u0301',
  '\u00e9',
  'order:42:line',
  '{lock:order:42}:line',
  '__proto__',
  'constructor',
  'x'.repeat(10_000),
  `${'x'.repeat(9_999)}y`,
];

/** The grant, and when it was there on the harness's clock. */
export async function grantedAt(
  harness: StoreHarness,
  attempt: Attempt,
): Promise<{ grant: Grant; at: number }> {
  const grant = await granted(attempt);
  return { grant, at: harness.now() };
}
