import { LeaderElection } from '../../lib/leader/leader-election.js';
import type { LeaderElectionOptions } from '../../lib/leader/leader-options.js';
import type { LockServiceOptions } from '../../lib/lock/lock-service-options.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { ManualClock } from './manual-clock.js';

/** One process that runs for leader: it has a clock, a service and an election of its own. */
export interface Candidate {
  readonly name: string;
  readonly clock: ManualClock;
  readonly locks: LockService;
  readonly election: LeaderElection;
  /** What was told, as `gained` and `lost`. */
  readonly events: string[];
}

export type CandidateOptions = Partial<LeaderElectionOptions> & Partial<LockServiceOptions>;

/** Processes that share a store, on clocks that the test turns. */
export class Candidates {
  /** What has happened to all of them, in order: `a gained`. */
  readonly events: string[] = [];
  private readonly all: Candidate[] = [];

  constructor(
    readonly clock = new ManualClock(),
    readonly store: MemoryStore = new MemoryStore({ clock }),
  ) {}

  /** A process that runs for it from now on, unless it is told to come later. */
  join(name: string, options: CandidateOptions = {}, start = true): Candidate {
    const { key = 'scheduler', leaseTime = 3_000, log, ...service } = options;
    const clock = (options.clock as ManualClock | undefined) ?? new ManualClock(this.clock.now());
    const locks = new LockService({ store: this.store, ownsStore: false, ...service, clock });
    const election = new LeaderElection(locks, { key, leaseTime, log, clock });
    const candidate: Candidate = { name, clock, locks, election, events: [] };
    for (const event of ['gained', 'lost'] as const) {
      election.on(event, () => {
        candidate.events.push(event);
        this.events.push(`${name} ${event}`);
      });
    }
    this.all.push(candidate);
    if (start) election.start();
    return candidate;
  }

  /** Who believes to be leader now. */
  get leaders(): string[] {
    return this.all.filter(({ election }) => election.isLeader).map(({ name }) => name);
  }

  /** Lets time pass for the store and for all processes but those that are frozen. */
  async pass(ms: number, frozen: readonly Candidate[] = []): Promise<void> {
    const clocks = this.clocksWithout(frozen);
    await settle();
    for (let left = ms; left > 0; left -= STEP) {
      for (const clock of clocks) clock.advance(Math.min(left, STEP));
      await settle();
    }
  }

  async close(): Promise<void> {
    for (const { election, locks } of this.all) {
      await election.close();
      await locks.close();
    }
    await this.store.close();
  }

  private clocksWithout(frozen: readonly Candidate[]): Set<ManualClock> {
    const moving = this.all.filter((candidate) => !frozen.includes(candidate));
    return new Set([this.clock, ...moving.map(({ clock }) => clock)]);
  }
}

/** The clocks of two processes are never further apart while time passes, in ms. */
const STEP = 10;

/** Lets all that is ready run: nothing here waits for anything but promises. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
