import { LockLostError } from '../../../lib/lock/lock.errors.js';
import type { Outcome } from '../history.js';
import { moment, pause } from '../moment.js';
import type { Random } from '../random.js';
import { prove, type WitnessClient } from '../witness/witness-client.js';
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
  /** Until when whoever is inside stays inside, whatever it had planned. */
  readonly cling: { until: number };
}

/** How long after its loss a lock's signal may be silent, in ms. */
const SILENCE = 250;

/** Takes locks and writes under them, one after the other, until told to stop. */
export class Caller {
  /** What it is doing, should it get stuck. */
  doing = 'nothing';
  private stopping = false;
  private count = 0;

  constructor(
    private readonly name: string,
    private readonly tools: CallerTools,
  ) {}

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
    const { name: key, leaseTime } = random.pick(keys);
    const waitTime = random.pick([0, 200, 800, 2_000]);
    const fair = random.chance(0.5);
    const kind = random.next();
    if (kind < 0.15) await this.take('tryAcquire', { key, leaseTime, waitTime: 0, fair }, 0);
    else if (kind < 0.4) await this.take('using', { key, leaseTime, waitTime, fair }, waitTime);
    else if (kind < 0.8) await this.take('acquire', { key, leaseTime, waitTime, fair }, waitTime);
    else if (kind < 0.9) await this.takeAll(waitTime, fair);
    else {
      const giveUp = random.int(0, 400);
      const abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), giveUp);
      const ask = { key, leaseTime, waitTime: 2_000, fair, signal: abort.signal };
      await this.take('acquire', ask, giveUp).finally(() => clearTimeout(timer));
    }
  }

  private async take(
    how: 'acquire' | 'tryAcquire' | 'using',
    ask: Ask,
    patience: number,
  ): Promise<void> {
    const { subject } = this.tools;
    const { id, answer } = this.ask(ask, patience, false);
    const { key, leaseTime } = ask;
    this.doing = `${how} ${id} on ${key}`;
    const progress = { granted: false };
    const enter = (lock: HeldLock): Promise<void> => {
      progress.granted = true;
      answer('granted', { token: lock.token });
      return this.hold(id, lock, leaseTime);
    };
    try {
      if (how === 'using') {
        await subject.using(ask, enter);
        return;
      }
      const lock = await subject[how](ask);
      if (!lock) {
        answer('busy');
        return;
      }
      await enter(lock);
      this.doing = `release ${id} on ${key}`;
      await lock.release();
    } catch (error) {
      // Under a lock that was lost, or with Redis away, a scope and a release may well reject.
      if (progress.granted) return;
      const outcome = subject.outcomeOf(error);
      answer(outcome, outcome === 'wrong' ? { note: String(error) } : {});
      // Who is told at once that Redis is away does not ask again at once.
      await pause(this.tools.random.int(20, 60));
    }
  }

  /** Several keys at once, each under a lease of the shortest, so that none is kept for longer. */
  private async takeAll(waitTime: number, fair: boolean): Promise<void> {
    const { random, keys, subject } = this.tools;
    const chosen = random.shuffle(keys).slice(0, 2);
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
        visit.answer('granted', { token: lock.token });
        await this.hold(visit.id, lock, leaseTime);
        await lock.release();
      });
      await Promise.allSettled(entered);
    } catch (error) {
      const outcome = error instanceof LockLostError ? 'lost' : subject.outcomeOf(error);
      const facts = outcome === 'wrong' ? { note: String(error) } : {};
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

  /** Nobody waits for it: whether it worked is seen by whether the lock is held. */
  private extend(lock: HeldLock, leaseTime: number): void {
    lock.extend(this.tools.random.pick([leaseTime / 2, leaseTime])).catch(() => undefined);
  }

  /** Works under the lock. Never rejects: what goes wrong here is for the witness to hear. */
  private async hold(id: string, lock: HeldLock, leaseTime: number): Promise<void> {
    const { random, witness, cling } = this.tools;
    this.doing = `hold ${id}`;
    const kind = random.next();
    const duration =
      kind < 0.75
        ? random.int(2, 30)
        : kind < 0.96
          ? random.int(30, 150)
          : leaseTime * (0.5 + random.next());
    // Every other one writes on without caring for its loss: somebody must put the fence to the test.
    const careless = random.chance(0.5);
    const listens = random.chance(0.5) ? lock.signal : undefined;
    const until = moment() + duration;
    for (;;) {
      const proof = prove(() => lock.isHeld());
      if (!proof.held && !careless) {
        witness.tell({ type: 'leave', id, proof });
        return this.expectWord(id, listens ?? lock.signal);
      }
      if (!(await witness.write(id, proof)) && !proof.held) break;
      if (moment() >= Math.max(until, cling.until)) break;
      if (random.chance(0.02)) this.extend(lock, leaseTime);
      await pause(random.int(1, 5));
    }
    witness.tell({ type: 'leave', id, proof: prove(() => lock.isHeld()) });
  }

  /** A lock that says it is lost must have told its signal's listeners. */
  private async expectWord(id: string, signal: AbortSignal): Promise<void> {
    const { meter, witness } = this.tools;
    const stalledBefore = meter.stalled;
    const since = moment();
    while (!signal.aborted) {
      if (moment() - since - (meter.stalled - stalledBefore) > SILENCE) {
        const text = `${id}: the lock was lost and its signal did not abort`;
        witness.tell({ type: 'incident', kind: 'silent loss', at: moment(), text });
        return;
      }
      await pause(5);
    }
  }
}
