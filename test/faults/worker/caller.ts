import { LockLostError } from '../../../lib/lock/lock.errors.js';
import type { Outcome } from '../history.js';
import { placeOf } from '../lock-names.js';
import { moment, pause } from '../moment.js';
import type { Random } from '../random.js';
import type { WitnessClient } from '../witness/witness-client.js';
import { Holding, type Pace } from './holding.js';
import type { StallMeter } from './stall-meter.js';
import type { Ask, HeldLock, Subject } from './subject.js';

export interface KeyPlan {
  readonly name: string;
  /** One lease for all callers of a key, so that "beyond one lease" means one thing. */
  readonly leaseTime: number;
}

export interface CallerTools {
  readonly worker: string;
  readonly keys: readonly KeyPlan[];
  readonly subject: Subject;
  readonly witness: WitnessClient;
  readonly meter: StallMeter;
  readonly random: Random;
  readonly pace: Pace;
}

/** The locks that are taken one inside the other. Never the other way round: that would be a deadlock. */
const NESTED = { outer: 'short', inner: 'other:short' };

/** Takes locks and writes under them, one after the other, until told to stop. */
export class Caller {
  /** What it is doing, should it get stuck. */
  doing = 'nothing';
  private stopping = false;
  private count = 0;
  private readonly holding: Holding;
  private readonly ofOneService: readonly KeyPlan[];

  constructor(
    private readonly name: string,
    private readonly tools: CallerTools,
  ) {
    this.holding = new Holding(tools);
    this.ofOneService = tools.keys.filter(({ name }) => placeOf(name).prefix === 'lock');
  }

  stop(): void {
    this.stopping = true;
  }

  async run(): Promise<void> {
    while (!this.stopping) {
      await this.once();
      await pause(this.tools.random.int(0, 15));
    }
    this.doing = 'nothing';
  }

  private async once(): Promise<void> {
    const { random, keys } = this.tools;
    const key = random.pick(keys);
    const waitTime = random.pick([0, 200, 800, 2_000]);
    const ask = { ...this.plain(key, waitTime), fair: random.chance(0.5) };
    const kind = random.next();
    if (kind < 0.1) await this.take('tryAcquire', { ...ask, waitTime: 0 }, 0);
    else if (kind < 0.15) await this.take('tryAcquire', ask, waitTime);
    else if (kind < 0.35)
      await this.take('using', { ...ask, proceed: random.chance(0.3) }, waitTime);
    else if (kind < 0.45) await this.takeNested(ask);
    else if (kind < 0.8) await this.take('acquire', ask, waitTime);
    else if (kind < 0.9) await this.takeAll(waitTime, ask.fair);
    else {
      const giveUp = random.int(0, 400);
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), giveUp);
      const impatient = { ...ask, waitTime: 2_000, signal: abort.signal };
      await this.take('acquire', impatient, giveUp).finally(() => clearTimeout(timer));
    }
  }

  private plain({ name: key, leaseTime }: KeyPlan, waitTime: number): Ask {
    return { key, leaseTime, waitTime, fair: false };
  }

  /** @param within what to do first under the lock */
  private async take(
    how: 'acquire' | 'tryAcquire' | 'using',
    ask: Ask,
    patience: number,
    within?: () => Promise<void>,
  ): Promise<void> {
    const { subject, witness } = this.tools;
    const { id, answer } = this.ask(ask, patience, false);
    const { key, leaseTime } = ask;
    this.doing = `${how} ${id} on ${key}`;
    const progress = { granted: false, held: false, unlocked: false };
    const enter = async (lock: HeldLock): Promise<void> => {
      progress.granted = true;
      if (lock.unlocked) {
        progress.unlocked = true;
        answer('unlocked');
        return;
      }
      answer('granted', { token: lock.token });
      await within?.();
      this.doing = `hold ${id}`;
      progress.held = await this.holding.work(id, lock, leaseTime);
      this.doing = `end ${id} on ${key}`;
    };
    try {
      if (how === 'using') {
        await subject.using(ask, enter);
        if (!progress.unlocked) this.ended(id, progress.held);
        return;
      }
      const lock = await subject[how](ask);
      if (!lock) {
        answer('busy');
        return;
      }
      await enter(lock);
      const ours = await lock.release();
      witness.tell({ type: 'end', id, told: !ours || lock.signal.aborted });
    } catch (error) {
      // Under a lock that was lost, or with Redis away, a scope and a release may well reject.
      if (progress.granted) {
        witness.tell({ type: 'end', id, told: true });
        return;
      }
      const outcome = subject.outcomeOf(error);
      const isTold = outcome === 'wrong' || outcome === 'refused';
      answer(outcome, isTold ? { note: String(error) } : {});
      // Who is told at once that Redis is away does not ask again at once.
      await pause(this.tools.random.int(20, 60));
    }
  }

  /** A scope that has ended without an error says that all was well. */
  private ended(id: string, held: boolean): void {
    const { witness } = this.tools;
    witness.tell({ type: 'end', id, told: false });
    if (held) return;
    const text = `${id}: the scope ended well under a lock that was lost`;
    witness.tell({ type: 'incident', kind: 'silent loss', at: moment(), text });
  }

  /** A lock of one service inside that of the other on the same key text: two locks. */
  private async takeNested(ask: Ask): Promise<void> {
    const { keys } = this.tools;
    const plans = new Map(keys.map((key) => [key.name, key]));
    const [outer, inner] = [plans.get(NESTED.outer)!, plans.get(NESTED.inner)!];
    await this.take(
      'using',
      { ...ask, key: outer.name, leaseTime: outer.leaseTime },
      ask.waitTime,
      () => this.take('using', this.plain(inner, 200), 200),
    );
  }

  /** Several keys at once, each under a lease of the shortest, so that none is kept for longer. */
  private async takeAll(waitTime: number, fair: boolean): Promise<void> {
    const { random, subject, witness } = this.tools;
    const chosen = random.shuffle(this.ofOneService).slice(0, 2);
    const leaseTime = Math.min(...chosen.map((key) => key.leaseTime));
    const asks = chosen.map(({ name: key }) => ({ key, leaseTime, waitTime, fair }));
    const visits = asks.map((ask) => this.ask(ask, waitTime, true));
    const ids = visits.map(({ id }) => id);
    this.doing = `acquireAll ${ids.join(' and ')}`;
    try {
      const names = asks.map(({ key }) => key);
      const locks = await subject.acquireAll(names, asks[0]!);
      const entered = locks.map(async (lock) => {
        const visit = visits[names.indexOf(lock.key)]!;
        const { id } = visit;
        visit.answer('granted', { token: lock.token });
        await this.holding.work(id, lock, leaseTime);
        const ours = await lock.release().catch(() => false);
        witness.tell({ type: 'end', id, told: !ours || lock.signal.aborted });
      });
      await Promise.allSettled(entered);
    } catch (error) {
      const outcome = error instanceof LockLostError ? 'lost' : subject.outcomeOf(error);
      const isTold = outcome === 'wrong' || outcome === 'refused';
      const facts = isTold ? { note: String(error) } : {};
      for (const visit of visits) visit.answer(outcome, facts);
      await pause(random.int(20, 60));
    }
  }

  /** Tells the witness of a question, and later of its answer. */
  private ask(
    { key, leaseTime }: Ask,
    patience: number,
    several: boolean,
  ): { id: string; answer: (outcome: Outcome, facts?: { token?: number; note?: string }) => void } {
    const { witness, worker, meter } = this.tools;
    const id = `${this.name}.${(this.count += 1)}`;
    const before = meter.stalled;
    const question = { id, worker, key, asked: moment(), patience, leaseTime };
    witness.tell({ type: 'ask', ...question, ...(several && { several }) });
    const answer = (outcome: Outcome, facts = {}): void => {
      const stalled = meter.stalled - before;
      witness.tell({ type: 'answer', id, at: moment(), outcome, stalled, ...facts });
    };
    return { id, answer };
  }
}
