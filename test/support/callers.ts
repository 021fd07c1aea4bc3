import { EXCLUSIVE, type LockMode } from '../../lib/stores/lock-mode.js';
import type {
  Grant,
  HolderInfo,
  LeaseRequest,
  LockState,
  LockStore,
  Progress,
  Renewal,
  Silence,
} from '../../lib/stores/lock-store.js';
import { until } from './until.js';

/** Long enough never to end within a test, in ms. */
export const LONG = 60_000;
/** Short enough to wait for its end, long enough for the commands of a slow machine, in ms. */
export const SHORT = 150;

/** An attempt whose answer is a promise. */
export interface Asked {
  /** The grant, or null when refused. Stays open when the attempt was given up before. */
  readonly granted: Promise<Grant | null>;
  readonly progress: Progress;
  readonly silence: Silence | undefined;
  leave(): void;
}

/** What to ask for besides the key. */
export type Wish = Partial<Omit<LeaseRequest, 'key'>>;

/** A request that waits, for an exclusive lock with a long lease, unless the wish says otherwise. */
export function request(key: string, wish: Wish = {}): LeaseRequest {
  return { key, mode: EXCLUSIVE, leaseTime: LONG, wait: true, ...wish };
}

export function ask(store: LockStore, asked: LeaseRequest): Asked {
  const answer: { resolve?: (grant: Grant | null) => void; reject?: (error: Error) => void } = {};
  const granted = new Promise<Grant | null>((resolve, reject) => {
    answer.resolve = resolve;
    answer.reject = reject;
  });
  // Whoever never looks must not bring the process down.
  granted.catch(() => undefined);
  const attempt = store.acquire(asked, {
    granted: (grant) => answer.resolve?.(grant),
    refused: () => answer.resolve?.(null),
    failed: (error) => answer.reject?.(error),
  });
  return {
    granted,
    get progress() {
      return attempt.progress;
    },
    get silence() {
      return attempt.silence;
    },
    leave: () => attempt.leave(),
  };
}

/** So many permits of a key that has `limit` of them. */
export function limited(limit: number, permits = 1): LockMode {
  return { kind: 'limited', limit, permits };
}

/** @returns whether the lock was the grant's */
export function release(
  store: LockStore,
  grant: Grant,
  lastToken = grant.token,
  keepFor?: number,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    store.release(grant, lastToken, { released: resolve, failed: reject }, keepFor);
  });
}

/** Shorthands for one store of a harness. */
export class Callers {
  constructor(readonly store: LockStore) {}

  wait(key: string, leaseTime = LONG): Asked {
    return ask(this.store, request(key, { leaseTime }));
  }

  async take(key: string, leaseTime = LONG): Promise<Grant> {
    return granted(this.wait(key, leaseTime));
  }

  tryOnce(key: string, leaseTime = LONG): Asked {
    return ask(this.store, request(key, { leaseTime, wait: false }));
  }

  async tryTake(key: string, leaseTime = LONG): Promise<Grant | null> {
    return this.tryOnce(key, leaseTime).granted;
  }

  /** As `wait`, in a mode. */
  waitAs(mode: LockMode, key: string, leaseTime = LONG): Asked {
    return ask(this.store, request(key, { mode, leaseTime }));
  }

  /** As `take`, in a mode. */
  async takeAs(mode: LockMode, key: string, leaseTime = LONG): Promise<Grant> {
    return granted(this.waitAs(mode, key, leaseTime));
  }

  /** As `tryTake`, in a mode. */
  async tryAs(mode: LockMode, key: string, leaseTime = LONG): Promise<Grant | null> {
    return ask(this.store, request(key, { mode, leaseTime, wait: false })).granted;
  }

  /** As `waitAsNumber`, in a mode. */
  async waitAsNumberAs(
    mode: LockMode,
    place: number,
    key: string,
    leaseTime = LONG,
  ): Promise<Asked> {
    const asked = this.waitAs(mode, key, leaseTime);
    await this.untilWaiting(key, place);
    return asked;
  }

  release(grant: Grant, lastToken?: number, keepFor?: number): Promise<boolean> {
    return release(this.store, grant, lastToken, keepFor);
  }

  async extend(grant: Grant, leaseTime: number): Promise<Renewal | null> {
    const [renewed] = this.store.extend([{ grant, leaseTime }]);
    return renewed!;
  }

  /** Joins the queue and resolves when the store says that so many stand in it. */
  async waitAsNumber(place: number, key: string, leaseTime = LONG): Promise<Asked> {
    const asked = this.wait(key, leaseTime);
    await this.untilWaiting(key, place);
    return asked;
  }

  async untilWaiting(key: string, count: number): Promise<void> {
    await until(`${count} in the queue of ${key.slice(0, 50)}`, async () => {
      return (await this.store.inspect(key)).waiting === count;
    });
  }

  /** Who holds a key, when at most one may. */
  async holder(key: string): Promise<HolderInfo | undefined> {
    const { holders } = await this.store.inspect(key);
    if (holders.length > 1) throw new Error(`${holders.length} hold "${key.slice(0, 50)}"`);
    return holders[0];
  }
}

export async function granted(asked: Asked): Promise<Grant> {
  const grant = await asked.granted;
  if (grant === null) throw new Error('refused to a caller that waits');
  return grant;
}

/**
 * Gives up whatever has become of an attempt by now: leaves, and releases a grant that was told
 * before, as a caller in `lib/lock` does.
 */
export async function giveUp(store: LockStore, asked: Asked): Promise<void> {
  asked.leave();
  const grant = await Promise.race([asked.granted, Promise.resolve(null)]);
  if (grant !== null) await release(store, grant);
}

/** A key that nobody holds or waits for. */
export function free(key: string): LockState {
  return { key, holders: [], waiting: 0 };
}

/** What somebody else would hand back: the fields of a grant that a store goes by, some of them changed. */
export function forged(grant: Grant, changes: Partial<Grant>): Grant {
  const { key, mode, owner, holder, token, lastToken, from, leaseTime } = grant;
  return { key, mode, owner, holder, token, lastToken, from, leaseTime, ...changes };
}
