import fc from 'fast-check';

import { EXCLUSIVE, SHARED, type LockMode } from '../../lib/stores/lock-mode.js';
import type { LockModel, ModelRequest, Side } from './lock-model.js';
import { asText, KEYS, type LockSystem } from './lock-system.js';

/** What one process may do; it happens in the model and in the system at once. */
interface Move {
  /** Whether there is anything to do it with. */
  fits(model: LockModel, side: Side): boolean;
  play(model: LockModel, system: LockSystem, side: Side): void;
  toString(): string;
}

/** Which grant: by a number that stands for any of those there are, mostly of those that still hold. */
interface Choice {
  readonly index: number;
  readonly isStale: boolean;
}

class Acquire implements Move {
  constructor(
    private readonly key: string,
    private readonly mode: LockMode,
    private readonly leaseTime: number,
    private readonly wait: boolean,
  ) {}

  fits(): boolean {
    return true;
  }

  play(model: LockModel, system: LockSystem, side: Side): void {
    const { key, mode, leaseTime, wait } = this;
    system.acquire(model.acquire(side, key, mode, leaseTime, wait), wait);
  }

  toString(): string {
    const { key, mode, leaseTime, wait } = this;
    return `${wait ? 'acquire' : 'try'} ${key} ${asText(mode)} for ${leaseTime}`;
  }
}

class Leave implements Move {
  constructor(private readonly index: number) {}

  fits(model: LockModel, side: Side): boolean {
    return this.find(model, side) !== undefined;
  }

  play(model: LockModel, system: LockSystem, side: Side): void {
    const request = this.find(model, side)!;
    model.leave(request);
    system.leave(request);
  }

  toString(): string {
    return `leave ${this.index}`;
  }

  /** One that has waited, even if it is granted right now: it has not heard of it. */
  private find({ requests }: LockModel, side: Side): ModelRequest | undefined {
    const open = requests.filter(
      (one) => one.side === side && one.isAsked && !one.isTold && one.state !== 'over',
    );
    return open[this.index % open.length];
  }
}

class Release implements Move {
  constructor(
    private readonly choice: Choice,
    private readonly share: number,
    private readonly keepFor: number,
  ) {}

  fits(model: LockModel, side: Side): boolean {
    return this.find(model, side) !== undefined;
  }

  play(model: LockModel, system: LockSystem, side: Side): void {
    const request = this.find(model, side)!;
    const { share, keepFor } = this;
    system.release(request, share, keepFor, model.release(request, keepFor));
  }

  toString(): string {
    const { choice, share, keepFor } = this;
    return `release ${named(choice)}, used ${share}${keepFor ? `, kept for ${keepFor}` : ''}`;
  }

  /** Only a release may follow a renewal of the same turn: it need not wait for its answer. */
  private find({ requests }: LockModel, side: Side): ModelRequest | undefined {
    const mayFollow = this.keepFor === 0 ? 'extended' : undefined;
    const own = requests.filter((one) => one.side === side);
    return choose(
      own.filter(({ done }) => !done || done === mayFollow),
      this.choice,
    );
  }
}

class Extend implements Move {
  constructor(
    private readonly choice: Choice,
    private readonly leaseTime: number,
  ) {}

  fits(model: LockModel, side: Side): boolean {
    return this.find(model, side) !== undefined;
  }

  play(model: LockModel, system: LockSystem, side: Side): void {
    const request = this.find(model, side)!;
    system.extend(request, this.leaseTime, model.extend(request, this.leaseTime));
  }

  toString(): string {
    return `extend ${named(this.choice)} to ${this.leaseTime}`;
  }

  private find({ requests }: LockModel, side: Side): ModelRequest | undefined {
    return choose(
      requests.filter((one) => one.side === side && !one.done),
      this.choice,
    );
  }
}

/** Takes over what either of the two holds; from an exclusive lock also a shared one. */
class Succeed implements Move {
  constructor(
    private readonly choice: Choice,
    private readonly isDowngrade: boolean,
    private readonly share: number,
    private readonly leaseTime: number,
  ) {}

  fits(model: LockModel): boolean {
    return this.find(model) !== undefined;
  }

  play(model: LockModel, system: LockSystem, side: Side): void {
    const from = this.find(model)!;
    const { leaseTime, share, isDowngrade } = this;
    const mode = isDowngrade && from.mode.kind === 'exclusive' ? SHARED : from.mode;
    const heir = model.succeed(from, side, mode, leaseTime);
    system.succeed(from, share, heir, { side, mode, leaseTime });
  }

  toString(): string {
    const { choice, isDowngrade, share, leaseTime } = this;
    return `${isDowngrade ? 'downgrade' : 'take over'} ${named(choice)} for ${leaseTime}, used ${share}`;
  }

  private find({ requests }: LockModel): ModelRequest | undefined {
    return choose(
      requests.filter(({ done }) => !done),
      this.choice,
    );
  }
}

class Force implements Move {
  constructor(private readonly key: string) {}

  fits(): boolean {
    return true;
  }

  play(model: LockModel, system: LockSystem, side: Side): void {
    system.forceRelease(side, this.key, model.forceRelease(this.key));
  }

  toString(): string {
    return `force ${this.key}`;
  }
}

/** Some moves of one process in one go: they travel together, and nothing is heard between them. */
class Turn implements fc.AsyncCommand<LockModel, LockSystem> {
  constructor(
    private readonly side: Side,
    private readonly moves: readonly Move[],
  ) {}

  check(model: Readonly<LockModel>): boolean {
    return this.moves.some((move) => move.fits(model as LockModel, this.side));
  }

  async run(model: LockModel, system: LockSystem): Promise<void> {
    for (const move of this.moves) {
      if (move.fits(model, this.side)) move.play(model, system, this.side);
    }
    await system.settle();
    model.settle();
    await system.compare(model, this.toString());
  }

  toString(): string {
    return `${this.side}: ${this.moves.join(' + ')}`;
  }
}

class Pass implements fc.AsyncCommand<LockModel, LockSystem> {
  constructor(private readonly ms: number) {}

  check(): boolean {
    return true;
  }

  async run(model: LockModel, system: LockSystem): Promise<void> {
    for (const ms of model.pass(this.ms)) {
      await system.pass(ms);
      model.settle();
      await system.compare(model, `${ms} ms pass`);
    }
  }

  toString(): string {
    return `pass ${this.ms}`;
  }
}

/** One of those who have heard that they were granted. */
function choose(
  requests: readonly ModelRequest[],
  { index, isStale }: Choice,
): ModelRequest | undefined {
  const told = requests.filter(({ isTold, answer }) => isTold && answer === 'granted');
  const holding = told.filter(({ state }) => state === 'holding');
  const over = told.filter(({ state }) => state === 'over');
  const chosen = (isStale && over.length > 0) || holding.length === 0 ? over : holding;
  return chosen[index % chosen.length];
}

function named({ index, isStale }: Choice): string {
  return `${index}${isStale ? ' of those that ended' : ''}`;
}

const oneIn = (many: number): fc.Arbitrary<boolean> =>
  fc.integer({ min: 1, max: many }).map((one) => one === many);
const key = fc.constantFrom(...KEYS, KEYS[0]!);
const index = fc.nat(7);
const choice = fc.record({ index, isStale: oneIn(6) });
const share = fc.constantFrom(0, 0.5, 1);
/** Minutes, though nothing waits for one: so a waiter's seconds between two questions are nothing. */
const leaseTime = fc.constantFrom(61_000, 97_000, 151_000, 241_000);
const limited = (limit: number): fc.Arbitrary<LockMode> =>
  fc.integer({ min: 1, max: limit }).map((permits) => ({ kind: 'limited', limit, permits }));
const mode = fc.oneof(
  { weight: 3, arbitrary: fc.constant(EXCLUSIVE) },
  { weight: 3, arbitrary: fc.constant(SHARED) },
  { weight: 3, arbitrary: limited(3) },
  { weight: 1, arbitrary: limited(2) },
);

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(key, mode, leaseTime, oneIn(4))
      .map(([name, how, lease, isTry]) => new Acquire(name, how, lease, !isTry)),
  },
  { weight: 2, arbitrary: index.map((at) => new Leave(at)) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(choice, share, oneIn(8), leaseTime)
      .map(([which, used, isKept, keepFor]) => new Release(which, used, isKept ? keepFor : 0)),
  },
  { weight: 2, arbitrary: fc.tuple(choice, leaseTime).map(([which, ms]) => new Extend(which, ms)) },
  {
    weight: 2,
    arbitrary: fc.tuple(choice, fc.boolean(), share, leaseTime).map((args) => new Succeed(...args)),
  },
  { weight: 1, arbitrary: key.map((name) => new Force(name)) },
);

const side = fc.constantFrom<Side>(0, 1);
const turn = fc
  .tuple(side, fc.array(move, { minLength: 1, maxLength: 4 }))
  .map(([one, moves]) => new Turn(one, moves));

/** Sequences of what two processes do, and of time that passes. */
export const lockCommands = fc.commands(
  [turn, turn, turn, turn, fc.integer({ min: 1_000, max: 200_000 }).map((ms) => new Pass(ms))],
  { maxCommands: 24, size: 'max' },
);
