import fc from 'fast-check';
import { LockBusyError } from '../../lib/lock/lock.errors.js';
import { LockService } from '../../lib/lock/lock.service.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { TransactionScope } from '../../lib/transactions/transaction-scope.js';

/** `RUNS=3000 SEED=7` looks longer. */
const RUNS = Number(process.env['RUNS'] ?? 150);
const KEYS = ['a', 'b', 'c'];
/** Short: what waits in a ring is told when its wait is over. */
const WAIT = 20;

/** Something that a transaction does with locks: how, on which keys, and how many times the event loop turns inside. */
interface Step {
  readonly how: 'using' | 'several' | 'handle' | 'method' | 'nested' | 'at once';
  readonly keys: readonly [string, string];
  readonly turns: number;
}

const key = fc.constantFrom(...KEYS);
const step: fc.Arbitrary<Step> = fc.record({
  how: fc.constantFrom('using', 'several', 'handle', 'method', 'nested', 'at once'),
  keys: fc.tuple(key, key),
  turns: fc.nat(2),
});
const transactions = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 5,
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Who has which key, as the work itself sees it. */
class Watch {
  readonly faults: string[] = [];
  private readonly owners = new Map<string, number>();
  private readonly inside = new Set<string>();

  /** For work inside a lock, which is kept for `who` until `ended`, or not. */
  async work(who: number, one: string, turns: number, isKept: boolean): Promise<void> {
    const owner = this.owners.get(one);
    if (owner !== undefined && owner !== who) {
      this.faults.push(`${one} is with ${who} while it is kept for ${owner}`);
    }
    if (this.inside.has(one)) this.faults.push(`${one} has two at once inside`);
    if (isKept) this.owners.set(one, who);
    this.inside.add(one);
    for (let i = 0; i < turns; i += 1) await turn();
    this.inside.delete(one);
  }

  ended(who: number): void {
    for (const [one, owner] of this.owners) if (owner === who) this.owners.delete(one);
  }
}

describe('transactions at random', () => {
  it(
    'Exclusion: a key is kept for one of them, with one at a time inside, and all of them end',
    async () => {
      let busy = 0;
      let done = 0;
      await fc.assert(
        fc.asyncProperty(transactions, async (plans) => {
          const store = new MemoryStore();
          const scope = new TransactionScope();
          const locks = new LockService({ store, transactions: [scope.port], waitTime: WAIT });
          const watch = new Watch();

          const take = async (who: number, { how, keys, turns }: Step): Promise<void> => {
            const [one, other] = keys;
            const work = (): Promise<void> => watch.work(who, one, turns, how !== 'method');
            if (how === 'several') await locks.using([one, other], work);
            else if (how === 'method') await locks.using(one, { until: 'method' }, work);
            else if (how === 'using') await locks.using(one, work);
            else if (how === 'handle') {
              await using lock = await locks.acquire(one);
              await lock.run(work);
            } else if (how === 'nested') {
              const inner = (): Promise<void> =>
                take(who, { how: 'using', keys: [other, one], turns });
              await locks.using(one, () => (other === one ? work() : inner()));
            } else {
              const both = [work, work].map((each) => locks.using(one, each));
              const ends = await Promise.allSettled(both);
              for (const end of ends) if (end.status === 'rejected') throw end.reason;
            }
          };
          const run = (steps: readonly Step[], who: number): Promise<void> =>
            scope.run(async () => {
              try {
                for (const one of steps) await take(who, one);
              } finally {
                watch.ended(who);
              }
            });

          const ends = await Promise.allSettled(plans.map(run));
          for (const end of ends) {
            if (end.status === 'fulfilled') done += 1;
            else if (end.reason instanceof LockBusyError) busy += 1;
            else throw end.reason;
          }
          expect(watch.faults).toEqual([]);
          for (const one of KEYS) expect((await store.inspect(one)).holders).toEqual([]);
          await locks.close();
        }),
        // A run that waits for itself would otherwise only be slow.
        { numRuns: RUNS, seed: Number(process.env['SEED'] ?? 1), timeout: 5_000 },
      );
      // Mostly they can all be had; a run in which nobody ever waited in a ring has shown little.
      expect(done).toBeGreaterThan(busy);
      expect(busy).toBeGreaterThan(0);
    },
    20_000 + RUNS * 100,
  );
});
