import { placeOf } from '../lock-names.js';
import { EXCLUSIVE, SHARED, type Mode } from '../modes.js';
import { pause } from '../moment.js';
import { LIMIT, type KeyPlan, type KeyUse } from './key-plan.js';
import type { Ask } from './subject.js';
import { Taking, type TakingTools } from './taking.js';

export interface CallerTools extends TakingTools {
  readonly keys: readonly KeyPlan[];
}

/** The locks that are taken one inside the other. Never the other way round: that would be a deadlock. */
const NESTED = { outer: 'short', inner: 'other:short' };

/** Takes locks and writes under them, one after the other, until told to stop. */
export class Caller {
  private stopping = false;
  private readonly taking: Taking;

  constructor(
    name: string,
    private readonly tools: CallerTools,
  ) {
    this.taking = new Taking(name, tools);
  }

  /** What it is doing, should it get stuck. */
  get doing(): string {
    return this.taking.doing;
  }

  stop(): void {
    this.stopping = true;
  }

  async run(): Promise<void> {
    while (!this.stopping) {
      await this.once();
      await pause(this.tools.random.int(0, 15));
    }
    this.taking.doing = 'nothing';
  }

  private once(): Promise<void> {
    const kind = this.tools.random.next();
    if (kind < 0.6) return this.takeAlone();
    if (kind < 0.75) return this.readOrWrite();
    if (kind < 0.85) return this.takePermits();
    if (kind < 0.93) return this.takeToLeave();
    return this.takeMixed();
  }

  private async takeAlone(): Promise<void> {
    const { random } = this.tools;
    const ask = this.plain(this.pick('alone'));
    const patience = ask.waitTime;
    const kind = random.next();
    if (kind < 0.1) {
      await this.taking.take({ how: 'tryAcquire', ask: { ...ask, waitTime: 0 }, patience: 0 });
    } else if (kind < 0.15) await this.taking.take({ how: 'tryAcquire', ask, patience });
    else if (kind < 0.35) {
      const proceed = random.chance(0.3);
      await this.taking.take({ how: 'using', ask: { ...ask, proceed }, patience });
    } else if (kind < 0.45) await this.takeNested(ask);
    else if (kind < 0.8) await this.taking.take({ how: 'acquire', ask, patience });
    else if (kind < 0.9) await this.takeTwo(ask);
    else {
      const giveUp = random.int(0, 400);
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), giveUp);
      const impatient = { ...ask, waitTime: 2_000, signal: abort.signal };
      await this.taking
        .take({ how: 'acquire', ask: impatient, patience: giveUp })
        .finally(() => clearTimeout(timer));
    }
  }

  /** Seven in ten read. Of the writers some stay on as readers. */
  private async readOrWrite(): Promise<void> {
    const { random } = this.tools;
    const key = this.pick('read and write');
    const how = random.pick(['acquire', 'tryAcquire', 'using'] as const);
    const mode = random.chance(0.7) ? SHARED : EXCLUSIVE;
    const ask = this.plain(key, mode);
    const ending = mode === EXCLUSIVE && random.chance(0.5) ? 'downgrade' : 'release';
    await this.taking.take({ how, ask, patience: ask.waitTime, ending });
  }

  /** One or two of the permits; now and then somebody wants to be alone. */
  private async takePermits(): Promise<void> {
    const { random } = this.tools;
    const how = random.pick(['acquire', 'tryAcquire', 'using'] as const);
    const ask = this.plain(this.pick('permits'), this.somePermits(0.05));
    await this.taking.take({ how, ask, patience: ask.waitTime });
  }

  /** To be left to another process; shared it is only with a lease of its own. */
  private async takeToLeave(): Promise<void> {
    const { random } = this.tools;
    const isShared = random.chance(0.2);
    const plain = this.plain(this.pick('tickets'), isShared ? SHARED : EXCLUSIVE);
    const ask = isShared ? { ...plain, fair: true } : plain;
    const ending = random.chance(0.8) ? 'hand off' : 'release';
    await this.taking.take({ how: 'acquire', ask, patience: ask.waitTime, ending });
  }

  /** A lock of one service inside that of the other on the same key text: two locks. */
  private async takeNested(ask: Ask): Promise<void> {
    const plans = new Map(this.tools.keys.map((key) => [key.name, key]));
    const [outer, inner] = [plans.get(NESTED.outer)!, plans.get(NESTED.inner)!];
    const inside = { ...this.plain(inner), waitTime: 200, fair: false };
    await this.taking.take({
      how: 'using',
      ask: { ...ask, key: outer.name, leaseTime: outer.leaseTime },
      patience: ask.waitTime,
      within: () => this.taking.take({ how: 'using', ask: inside, patience: 200 }),
    });
  }

  private async takeTwo(ask: Ask): Promise<void> {
    const { keys, random } = this.tools;
    const ofOneService = keys.filter(
      ({ name, use }) => use === 'alone' && placeOf(name).prefix === 'lock',
    );
    await this.takeTogether(
      random
        .shuffle(ofOneService)
        .slice(0, 2)
        .map((key) => this.plain(key)),
      ask.waitTime,
    );
  }

  /** Two or three keys, each in a mode of its own. */
  private async takeMixed(): Promise<void> {
    const { random } = this.tools;
    const asks = [
      this.plain(this.pick('alone', 'lock')),
      this.plain(this.pick('read and write'), random.chance(0.7) ? SHARED : EXCLUSIVE),
      this.plain(this.pick('permits'), this.somePermits(0)),
    ];
    const chosen = random.shuffle(asks).slice(0, random.int(2, 3));
    await this.takeTogether(chosen, chosen[0]!.waitTime);
  }

  /** Each under a lease of the shortest, so that none is kept for longer. */
  private async takeTogether(asks: readonly Ask[], waitTime: number): Promise<void> {
    const leaseTime = Math.min(...asks.map((ask) => ask.leaseTime));
    const { fair } = asks[0]!;
    await this.taking.takeAll(
      asks.map((ask) => ({ ...ask, leaseTime, waitTime, fair })),
      waitTime,
    );
  }

  private somePermits(alone: number): Mode {
    const { random } = this.tools;
    if (random.chance(alone)) return EXCLUSIVE;
    return { kind: 'limited', limit: LIMIT, permits: random.pick([1, 1, 2]) };
  }

  private pick(use: KeyUse, prefix?: string): KeyPlan {
    const { keys, random } = this.tools;
    return random.pick(
      keys.filter(
        (key) => key.use === use && (prefix === undefined || placeOf(key.name).prefix === prefix),
      ),
    );
  }

  private plain({ name: key, leaseTime }: KeyPlan, mode: Mode = EXCLUSIVE): Ask {
    const { random } = this.tools;
    const waitTime = random.pick([0, 200, 800, 2_000]);
    return { key, mode, leaseTime, waitTime, fair: random.chance(0.5) };
  }
}
