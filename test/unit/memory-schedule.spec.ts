import fc from 'fast-check';

import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import type { Attempt, Grant } from '../../lib/stores/lock-store.js';
import { ManualClock } from '../support/manual-clock.js';

const KEYS = ['a', 'b'];

type Step =
  | { readonly do: 'ask'; readonly key: string; readonly leaseTime: number; readonly wait: boolean }
  | { readonly do: 'leave' | 'release' | 'extend'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'block'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('ask' as const),
    key: fc.constantFrom(...KEYS),
    leaseTime: fc.integer({ min: 10, max: 200 }),
    wait: fc.boolean(),
  }),
  fc.record({
    do: fc.constantFrom('leave' as const, 'release' as const, 'extend' as const),
    which: fc.nat(30),
  }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 150 }) }),
  fc.record({ do: fc.constant('block' as const), ms: fc.integer({ min: 0, max: 150 }) }),
);

interface Caller {
  readonly key: string;
  readonly order: number;
  readonly attempt: Attempt;
  grant?: Grant | null;
  until: number;
  gone: boolean;
}

/** Runs one schedule without letting a promise settle in between unless a step says so. */
class Play {
  readonly clock = new ManualClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly callers: Caller[] = [];
  readonly faults: string[] = [];

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) await this.take(each);
    for (const caller of this.callers) caller.gone = true;
    for (const caller of this.callers) caller.attempt.leave();
    await turn();
    this.clock.advance(10_000);
  }

  private async take(each: Step): Promise<void> {
    if (each.do === 'ask') {
      const { key, leaseTime, wait } = each;
      const attempt = this.store.acquire({ key, leaseTime, wait });
      const caller: Caller = { key, attempt, order: this.callers.length, until: 0, gone: false };
      this.callers.push(caller);
      void attempt.granted.then((grant) => this.granted(caller, grant));
    } else if (each.do === 'pass') {
      this.clock.advance(each.ms);
      await turn();
    } else if (each.do === 'block') {
      this.clock.stepMono(each.ms);
    } else {
      const caller = this.callers[each.which];
      if (caller !== undefined) await this.act(each.do, caller);
    }
  }

  private async act(what: 'leave' | 'release' | 'extend', caller: Caller): Promise<void> {
    const { grant } = caller;
    if (what === 'leave') {
      caller.gone = true;
      caller.attempt.leave();
    } else if (grant && what === 'release') {
      const ours = this.holds(caller);
      caller.gone = true;
      if ((await this.store.release(grant)) !== ours)
        this.faults.push(`release of ${caller.order}`);
    } else if (grant) {
      const ours = this.holds(caller);
      const until = this.clock.mono() + 100;
      const [renewed] = this.store.extend([{ ...grant, leaseTime: 100 }]);
      if (ours) caller.until = until;
      if (((await renewed) !== null) !== ours) this.faults.push(`renewal of ${caller.order}`);
    }
  }

  private granted(caller: Caller, grant: Grant | null): void {
    caller.grant = grant;
    // A grant that was given back before anybody looked at it is nobody's.
    if (grant === null || caller.gone) return;
    caller.until = grant.from.mono + grant.leaseTime;
    const before = this.callers.filter((other) => other !== caller && other.key === caller.key);
    for (const other of before) {
      if (other.grant && other.grant.token >= grant.token)
        this.faults.push(`token of ${caller.order}`);
      const overlap = this.holds(other) && this.holds(caller);
      if (overlap) this.faults.push(`${caller.order} beside ${other.order}`);
      const waits = other.grant === undefined && !other.gone;
      if (waits && other.order < caller.order)
        this.faults.push(`${caller.order} before ${other.order}`);
    }
  }

  private holds(caller: Caller): boolean {
    return Boolean(caller.grant) && !caller.gone && this.clock.mono() < caller.until;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('MemoryStore under any schedule', () => {
  it('row 12: excludes, keeps the order, and leaves nothing, whenever callers step out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const play = new Play();
        await play.run(steps);

        expect(play.faults).toEqual([]);
        expect(play.store['entries'].size).toBe(0);
        expect(play.clock.pending).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });
});
