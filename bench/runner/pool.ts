import { settlesWithin } from './clock.js';
import type { Contender, LockAdapter, Target } from './library.js';
import { openWarm } from './warm-up.js';

/** The adapters of one case: opened when first asked for, and thrown away when a run overran. */
export class Pool {
  private readonly open = new Map<string, LockAdapter>();
  /** Why a contender could not be opened. */
  readonly failures = new Map<string, string>();

  constructor(private readonly target: Target) {}

  async get(contender: Contender): Promise<LockAdapter | undefined> {
    const known = this.open.get(contender.id);
    if (known !== undefined || this.failures.has(contender.id)) return known;
    try {
      const adapter = await openWarm(contender, this.target);
      this.open.set(contender.id, adapter);
      return adapter;
    } catch (error) {
      this.failures.set(contender.id, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  async discard(contender: Contender): Promise<void> {
    const adapter = this.open.get(contender.id);
    this.open.delete(contender.id);
    if (adapter !== undefined) await settlesWithin(Promise.resolve(adapter.close()), 1_000);
  }

  async close(): Promise<void> {
    const adapters = [...this.open.values()];
    this.open.clear();
    await Promise.all(
      adapters.map((adapter) =>
        settlesWithin(
          Promise.resolve().then(() => adapter.close()),
          1_000,
        ),
      ),
    );
  }
}
