import { lossOf, releaseAll } from './lock-list.js';
import type { Lock } from './lock.js';
import type { LockLostError } from './lock.errors.js';
import { currentFrame, type Frame } from './queue/lock-context.js';

/** What a caller stands in, and what it is to be given for. */
export interface Surroundings {
  /** The transactions and the handler around it, innermost first. */
  readonly around: readonly KeptLocks[];
  /** The one of them that its lock is to be kept for; undefined for none. */
  readonly kept: KeptLocks | undefined;
}

/** What code stands in: the locks of its transactions, inside those of the running work. */
export function frameIn({ around }: Surroundings): Frame | undefined {
  return around.reduceRight<Frame | undefined>(
    (outer, { locks }) => ({ locks, outer }),
    currentFrame(),
  );
}

/** Has those around a caller know that it is on its way to a lock. */
export async function whileAsking<T>({ around }: Surroundings, ask: () => Promise<T>): Promise<T> {
  for (const one of around) one.asks(1);
  try {
    return await ask();
  } finally {
    for (const one of around) one.asks(-1);
  }
}

/** The locks that are kept for one transaction, or one run of a handler, until it has ended. */
export class KeptLocks {
  readonly locks: Lock[] = [];
  /** Those of other transactions that are active where this one is: of another database. */
  beside: readonly KeptLocks[] = [];
  /** How many are on their way to a lock that is to be kept here. */
  private askers = 0;
  private ending: Promise<void> | undefined;

  /** @param lostUnheard told of a loss that came out when the transaction had ended */
  constructor(private readonly lostUnheard: (error: LockLostError) => void) {}

  /** Whether the transaction has ended. */
  get isOver(): boolean {
    return this.ending !== undefined;
  }

  /** Whether nobody of the transaction is on the way to a lock. */
  get isQuiet(): boolean {
    return this.askers === 0;
  }

  asks(more: 1 | -1): void {
    this.askers += more;
  }

  /** Whether a lock is to be kept here, and is not by another on its key that is. */
  wants(lock: Lock): boolean {
    if (this.isOver || lock.unlocked || lock.ended) return false;
    for (let at = lock.source.outer; at; at = at.source.outer) {
      if (this.locks.includes(at)) return false;
    }
    return true;
  }

  /**
   * For just before the commit.
   * @throws LockLostError when one of the locks was lost
   */
  check(): void {
    const lost = lossOf(this.locks);
    if (lost) throw lost;
  }

  /**
   * The transaction has ended: gives its locks back, or leaves them to another that is still active.
   * @throws LockLostError when one of them had been lost
   */
  end(): Promise<void> {
    if (!this.ending) {
      this.ending = this.giveBack();
      // Who does not listen is not to be brought down by it.
      this.ending.catch(() => undefined);
    }
    return this.ending;
  }

  private async giveBack(): Promise<void> {
    const other = this.beside.find(({ isOver }) => !isOver);
    if (other) {
      other.locks.push(...this.locks);
      return;
    }
    const lost = await releaseAll(this.locks);
    if (!lost) return;
    this.lostUnheard(lost);
    throw lost;
  }
}
