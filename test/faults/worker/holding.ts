import { moment, pause } from '../moment.js';
import type { Random } from '../random.js';
import { prove, type WitnessClient } from '../witness/witness-client.js';
import type { StallMeter } from './stall-meter.js';
import type { HeldLock } from './subject.js';

/** What the campaign may ask of those inside, until a moment. */
export interface Pace {
  /** Whoever is inside stays inside, whatever it had planned. */
  clingUntil: number;
  /** Whoever gets inside is out again in a few ms. */
  briefUntil: number;
}

export interface HoldingTools {
  readonly witness: WitnessClient;
  readonly meter: StallMeter;
  readonly random: Random;
  readonly pace: Pace;
}

/** Longer work proves its belief less often, for the sake of the others, in ms. */
const LONG_WORK = 2_000;
const LONG_STEP = 20;

/** How long after its loss a lock's signal may be silent, in ms. */
const SILENCE = 250;

/** What a caller does under its lock. */
export class Holding {
  constructor(private readonly tools: HoldingTools) {}

  /**
   * Works under the lock to the end. Never rejects: what goes wrong here is for the witness to hear.
   * @param duration in ms; left out, as it comes
   * @returns whether the lock was held to the end
   */
  async work(id: string, lock: HeldLock, leaseTime: number, duration?: number): Promise<boolean> {
    const listens = this.tools.random.chance(0.5) ? lock.signal : undefined;
    await this.stay(id, lock, leaseTime, duration);
    const last = prove(() => lock.isHeld());
    this.tools.witness.tell({ type: 'leave', id, proof: last });
    if (!last.held) await this.expectWord(id, listens ?? lock.signal);
    return last.held;
  }

  /** Works under the lock, and does not leave it yet. */
  async stay(
    id: string,
    lock: HeldLock,
    leaseTime: number,
    duration = this.duration(leaseTime),
  ): Promise<void> {
    const { random, witness, pace } = this.tools;
    // Every other one writes on without caring for its loss: somebody must put the fence to the test.
    const careless = random.chance(0.5);
    const step = duration > LONG_WORK ? LONG_STEP : 5;
    const until = moment() + duration;
    for (;;) {
      const proof = prove(() => lock.isHeld());
      if (!proof.held && !careless) return;
      if (!(await witness.write(id, proof)) && !proof.held) return;
      if (moment() >= Math.max(until, pace.clingUntil)) return;
      if (random.chance(0.02)) this.extend(lock, leaseTime);
      await pause(random.int(1, step));
    }
  }

  /** Does something else under the lock, and goes on to prove that it is held. */
  async proving(id: string, lock: HeldLock, work: () => Promise<void>): Promise<void> {
    const timer = setInterval(() => {
      const proof = prove(() => lock.isHeld());
      if (proof.held) this.tools.witness.tell({ type: 'sign', id, proof });
    }, LONG_STEP);
    await work().finally(() => clearInterval(timer));
  }

  private duration(leaseTime: number): number {
    const { random, pace } = this.tools;
    const kind = random.next();
    if (moment() < pace.briefUntil) return random.int(2, 10);
    if (kind < 0.75) return random.int(2, 30);
    if (kind < 0.96) return random.int(30, 150);
    return leaseTime * (0.5 + random.next());
  }

  /** Nobody waits for it: whether it worked is seen by whether the lock is held. */
  private extend(lock: HeldLock, leaseTime: number): void {
    lock.extend(this.tools.random.pick([leaseTime / 2, leaseTime])).catch(() => undefined);
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
