import type { TicketOffer } from '../witness/messages.js';
import type { KeyPlan } from './key-plan.js';
import { Taking, type TakingTools } from './taking.js';

/** Goes on with the locks that other workers have left, as their tickets come. */
export class Heir {
  private readonly busy = new Set<Taking>();
  private readonly running = new Set<Promise<void>>();
  private count = 0;
  private stopping = false;

  constructor(
    private readonly name: string,
    private readonly keys: readonly KeyPlan[],
    private readonly tools: TakingTools,
  ) {}

  get doing(): string {
    return [...this.busy].map(({ doing }) => doing).join(', ') || 'nothing';
  }

  stop(): void {
    this.stopping = true;
  }

  /** Ends when it was told to stop and nothing is under way. */
  async finish(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled([...this.running]);
  }

  take({ ticket, of, key, mode }: TicketOffer): void {
    const plan = this.keys.find(({ name }) => name === key);
    if (this.stopping || !plan || !this.tools.subject.resume) return;
    const taking = new Taking(`${this.name}/heir${(this.count += 1)}`, this.tools);
    this.busy.add(taking);
    const ask = { key, mode, leaseTime: plan.leaseTime, waitTime: 0, fair: false };
    // Some of them leave it to the next.
    const ending = this.tools.random.chance(0.2) ? 'hand off' : 'release';
    const done = taking.resume(ticket, of, ask, ending).finally(() => {
      this.busy.delete(taking);
      this.running.delete(done);
    });
    this.running.add(done);
  }
}
