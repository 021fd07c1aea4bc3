import type { Clock } from '../clock.js';
import type { LockStore } from '../stores/lock-store.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { LocalLine, type HandOverBound, type LineDesk } from './local-line.js';
import type { WaiterRequest } from './waiter.js';

/** What the lines of one service are made with. */
export interface LineRegistryOptions {
  readonly store: LockStore;
  readonly keeper: LeaseKeeper;
  readonly clock: Clock;
  readonly handOver: HandOverBound;
  readonly unavailableAfter: number;
}

/** The lines of one service: which a caller belongs in, and how they come to an end. */
export class LineRegistry {
  /** The lines people share, by key; a line of one caller only is its own name. */
  private readonly lines = new Map<string | LocalLine, LocalLine>();
  private readonly desk: LineDesk;
  private drained: (() => void) | undefined;

  constructor(private readonly options: LineRegistryOptions) {
    const { store, keeper, clock, unavailableAfter } = options;
    this.desk = { store, keeper, clock, unavailableAfter, empty: (line) => this.drop(line) };
  }

  /**
   * The line a caller belongs in: the one that all of this process share, or, to be served
   * strictly by arrival across processes or only once, one of its own.
   */
  lineFor({ key, waitTime, fair }: WaiterRequest): LocalLine {
    const alone = fair || waitTime === 0 || !this.options.store.remote;
    const shared = this.lines.get(key);
    if (shared && (!alone || (waitTime === 0 && shared.held))) return shared;
    const line = new LocalLine(key, this.desk, this.options.handOver);
    this.lines.set(alone ? line : key, line);
    return line;
  }

  /** Turns away everybody who waits. */
  dismiss(error: (key: string) => Error): void {
    for (const line of [...this.lines.values()]) line.dismiss(error);
  }

  /** Resolves when nobody holds a lock any more, or after `timeout` ms. */
  idle(timeout: number): Promise<void> {
    if (this.lines.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.options.clock.after(timeout, resolve);
      this.drained = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Takes every lock from its holder: their signals abort, and the keys are given back. */
  evict(reason: string): void {
    for (const line of [...this.lines.values()]) line.evict(reason);
  }

  private drop(line: LocalLine): void {
    if (!this.lines.delete(line) && this.lines.get(line.key) === line) this.lines.delete(line.key);
    if (this.lines.size === 0) this.drained?.();
  }
}
