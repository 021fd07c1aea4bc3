import fc from 'fast-check';

import { compatible, EXCLUSIVE, type LockMode } from '../../lib/stores/lock-mode.js';
import type { Attempt, Grant } from '../../lib/stores/lock-store.js';
import { MemoryStore } from '../../lib/stores/memory/memory-store.js';
import { release } from '../support/callers.js';
import { ManualClock } from '../support/manual-clock.js';

/** Of one key: exclusive alone, or all that there are. */
const MODES: readonly LockMode[] = [
  EXCLUSIVE,
  { kind: 'shared' },
  { kind: 'limited', limit: 2, permits: 1 },
  { kind: 'limited', limit: 2, permits: 2 },
  { kind: 'limited', limit: 3, permits: 1 },
];

interface Ask {
  readonly do: 'ask';
  readonly key: string;
  readonly mode: LockMode;
  readonly leaseTime: number;
  readonly wait: boolean;
}
type Step =
  | Ask
  | { readonly do: 'leave' | 'release' | 'extend'; readonly last: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'settle' };

const askIn = (modes: readonly LockMode[]): fc.Arbitrary<Ask> =>
  fc.record({
    do: fc.constant('ask' as const),
    key: fc.constantFrom('a', 'a', 'a', 'b'),
    mode: fc.constantFrom(...modes),
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
const stepsIn = (modes: readonly LockMode[]): fc.Arbitrary<Step[]> => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: askIn(modes) },
    { weight: 5, arbitrary: act },
    { weight: 1, arbitrary: time },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  );
  return fc.array(step, { minLength: 1, maxLength: 60, size: 'max' });
};

interface Caller extends Ask {
  readonly order: number;
  attempt?: Attempt;
  /** Null when it was refused. */
  grant?: Grant | null;
  until: number;
  /** It left before it was told anything, or gave back what it had. */
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
    for (const { attempt } of this.callers) attempt?.leave();
    this.clock.advance(10_000);
  }

  private async take(each: Step): Promise<void> {
    if (each.do === 'ask') this.ask(each);
    else if (each.do === 'pass') this.clock.advance(each.ms);
    else if (each.do === 'block') this.clock.stepMono(each.ms);
    else if (each.do === 'settle') await this.settle();
    else this.act(each.do, this.callers.at(-1 - each.last));
  }

  private ask(asked: Ask): void {
    const caller: Caller = { ...asked, order: this.callers.length, until: 0, gone: false };
    this.callers.push(caller);
    caller.attempt = this.store.acquire(asked, {
      granted: (grant) => this.told(caller, grant),
      refused: () => this.told(caller, null),
      // Who names another limit than the key has is told so at once.
      failed: (error) =>
        error.message.startsWith('LIMIT ')
          ? this.told(caller, null)
          : this.faults.push(String(error)),
    });
  }

  private act(what: 'leave' | 'release' | 'extend', caller: Caller | undefined): void {
    if (caller === undefined) return;
    const { grant } = caller;
    const ours = this.holds(caller);
    if (what === 'leave') {
      caller.attempt?.leave();
      if (grant === undefined) caller.gone = true;
    } else if (grant && what === 'release') {
      caller.gone = true;
      void release(this.store, grant).then((was) => {
        if (was !== ours) this.faults.push(`release of ${caller.order}`);
      });
    } else if (grant) {
      if (ours) caller.until = this.clock.mono() + 100;
      const [renewed] = this.store.extend([{ grant, leaseTime: 100 }]);
      void renewed!.then((renewal) => {
        if ((renewal !== null) !== ours) this.faults.push(`renewal of ${caller.order}`);
      });
    }
  }

  /** The store's holders are those who believe, and a head of the queue that could hold does. */
  private async settle(): Promise<void> {
    await turn();
    for (const key of ['a', 'b']) {
      const { holders, waiting } = await this.store.inspect(key);
      await turn();
      const ours = this.callers.filter((caller) => caller.key === key);
      const believe = ours.filter((caller) => this.holds(caller));
      if (holders.length !== believe.length)
        this.faults.push(`${holders.length} hold ${key}, ${believe.length} believe`);
      const queue = ours.filter(({ grant, gone }) => grant === undefined && !gone);
      if (waiting !== queue.length)
        this.faults.push(`${waiting} in the queue of ${key}, ${queue.length} wait`);
      const held = believe.map(({ mode }) => mode);
      if (queue[0] && compatible(queue[0].mode, held))
        this.faults.push(`${queue[0].order} waits for nobody`);
    }
  }

  private told(caller: Caller, grant: Grant | null): void {
    if (caller.gone || caller.grant !== undefined) this.faults.push(`${caller.order} told again`);
    caller.grant = grant;
    if (grant === null) return;
    caller.until = grant.from.mono + grant.leaseTime;
    const others = this.callers.filter((other) => other !== caller && other.key === caller.key);
    for (const other of others) {
      if (other.grant && other.grant.token >= grant.token)
        this.faults.push(`token of ${caller.order}`);
      const waits = other.grant === undefined && !other.gone;
      if (waits && other.order < caller.order)
        this.faults.push(`${caller.order} before ${other.order}`);
    }
    const held = others.filter((other) => this.holds(other)).map(({ mode }) => mode);
    if (this.holds(caller) && !compatible(caller.mode, held))
      this.faults.push(`${caller.order} beside others`);
  }

  private holds(caller: Caller): boolean {
    return Boolean(caller.grant) && !caller.gone && this.clock.mono() < caller.until;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each([
  ['exclusive', [EXCLUSIVE]],
  ['all modes', MODES],
])('MemoryStore under any schedule, %s', (_, modes) => {
  it('Exclusion, No leftover: holds and keeps the order, whenever callers leave', async () => {
    const property = fc.asyncProperty(stepsIn(modes), async (steps) => {
      const play = new Play();
      await play.run(steps);

      expect(play.faults).toEqual([]);
      expect(play.store['entries'].size).toBe(0);
      expect(play.clock.pending).toBe(0);
    });
    await fc.assert(property, { numRuns: 600 });
  });
});
