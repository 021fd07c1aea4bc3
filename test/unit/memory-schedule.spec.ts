import fc from 'fast-check';

import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import type { Attempt, Grant } from '../../lib/stores/lock-store.js';
import { ManualClock } from '../support/manual-clock.js';

type Step =
  | { readonly do: 'ask'; readonly key: string; readonly leaseTime: number; readonly wait: boolean }
  | { readonly do: 'leave' | 'release' | 'extend'; readonly last: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'settle' };

const ask = fc.record({
  do: fc.constant('ask' as const),
  key: fc.constantFrom('a', 'a', 'a', 'b'),
  leaseTime: fc.integer({ min: 10, max: 200 }),
  wait: fc.constantFrom(true, true, true, false),
});
const act = fc.record({
  do: fc.constantFrom('leave' as const, 'release' as const, 'extend' as const),
  last: fc.nat(6),
});
const time = fc.record({
  do: fc.constantFrom('pass' as const, 'block' as const),
  ms: fc.integer({ min: 0, max: 150 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: ask },
  { weight: 5, arbitrary: act },
  { weight: 1, arbitrary: time },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
);

interface Caller {
  readonly key: string;
  readonly order: number;
  readonly attempt: Attempt;
  grant?: Grant | null;
  until: number;
  gone: boolean;
}

/** Runs one schedule; promises settle only where a step says so. */
class Play {
  readonly clock = new ManualClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly callers: Caller[] = [];
  readonly faults: string[] = [];

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) await this.take(each);
    // With nobody releasing, the leases end one after the other and let everybody through.
    for (let left = this.callers.length; left >= 0; left -= 1) {
      await turn();
      this.clock.advance(250);
    }
    await turn();
    for (const { grant, gone, order } of this.callers) {
      if (grant === undefined && !gone) this.faults.push(`${order} was forgotten`);
    }
    for (const { attempt } of this.callers) attempt.leave();
    this.clock.advance(10_000);
  }

  private async take(each: Step): Promise<void> {
    if (each.do === 'ask') this.ask(each);
    else if (each.do === 'pass') this.clock.advance(each.ms);
    else if (each.do === 'block') this.clock.stepMono(each.ms);
    else if (each.do === 'settle') await this.settle();
    else this.act(each.do, this.callers.at(-1 - each.last));
  }

  private ask({ key, leaseTime, wait }: Step & { do: 'ask' }): void {
    const attempt = this.store.acquire({ key, leaseTime, wait });
    const caller: Caller = { key, attempt, order: this.callers.length, until: 0, gone: false };
    this.callers.push(caller);
    void attempt.granted.then((grant) => this.granted(caller, grant));
  }

  private act(what: 'leave' | 'release' | 'extend', caller: Caller | undefined): void {
    if (caller === undefined) return;
    const { grant } = caller;
    const ours = this.holds(caller);
    if (what === 'leave') {
      caller.gone = true;
      caller.attempt.leave();
    } else if (grant && what === 'release') {
      caller.gone = true;
      void this.store.release(grant).then((was) => {
        if (was !== ours) this.faults.push(`release of ${caller.order}`);
      });
    } else if (grant) {
      if (ours) caller.until = this.clock.mono() + 100;
      const [renewed] = this.store.extend([{ ...grant, leaseTime: 100 }]);
      void renewed!.then((from) => {
        if ((from !== null) !== ours) this.faults.push(`renewal of ${caller.order}`);
      });
    }
  }

  private async settle(): Promise<void> {
    await turn();
    const owners = [...this.store['entries'].values()].map(({ owner }) => owner);
    for (const { grant, gone, order } of this.callers) {
      if (grant && gone && owners.includes(grant.owner))
        this.faults.push(`${order} left it locked`);
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
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
        async (steps) => {
          const play = new Play();
          await play.run(steps);

          expect(play.faults).toEqual([]);
          expect(play.store['entries'].size).toBe(0);
          expect(play.clock.pending).toBe(0);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
