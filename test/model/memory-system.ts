import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { ManualClock } from '../support/manual-clock.js';
import { LockSystem } from './lock-system.js';

/** One store in memory, for both sides, on a clock whose hands the test turns. */
export class MemorySystem extends LockSystem {
  private readonly clock: ManualClock;
  private readonly store: MemoryStore;

  constructor(clock = new ManualClock()) {
    const store = new MemoryStore({ clock });
    super([store, store]);
    this.clock = clock;
    this.store = store;
  }

  pass(ms: number): Promise<void> {
    return this.clock.advanceAndSettle(ms);
  }

  settle(): Promise<void> {
    // What a store in memory tells, it tells before anything else may happen.
    return new Promise((resolve) => setImmediate(resolve));
  }

  protected async leftovers(): Promise<string[]> {
    const left = [...this.store['entries'].keys()];
    await this.store.close();
    if (this.clock.pending > 0) left.push(`${this.clock.pending} timers`);
    return left;
  }
}
