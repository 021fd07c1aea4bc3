import { EXCLUSIVE } from '../modes.js';
import type { KeyPlan } from './key-plan.js';
import { Taking, type TakingTools } from './taking.js';

/** As good as for ever, in ms; a history has no other word for it. */
const FOR_EVER = 1e9;

/** Wants to lead as long as its process lives, and leads until it loses the lead, or steps down after a while. */
export class Leader {
  private readonly over = new AbortController();
  private readonly taking: Taking;

  constructor(
    name: string,
    private readonly key: KeyPlan,
    private readonly tools: TakingTools,
  ) {
    this.taking = new Taking(name, tools);
  }

  get doing(): string {
    return this.taking.doing;
  }

  stop(): void {
    this.over.abort();
  }

  async run(): Promise<void> {
    const { name: key, leaseTime } = this.key;
    const { signal } = this.over;
    const terms = { mode: EXCLUSIVE, waitTime: Infinity, fair: true };
    while (!signal.aborted) {
      const ask = { key, leaseTime, ...terms, signal };
      const duration = this.tools.random.int(3_000, 8_000);
      await this.taking.take({ how: 'acquire', ask, patience: FOR_EVER, duration });
    }
    this.taking.doing = 'nothing';
  }
}
