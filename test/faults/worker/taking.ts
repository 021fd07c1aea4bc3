import { LockLostError } from '../../../lib/lock/lock.errors.js';
import type { Outcome } from '../history.js';
import { SHARED } from '../modes.js';
import { moment, pause } from '../moment.js';
import type { Random } from '../random.js';
import { prove } from '../witness/witness-client.js';
import { Holding, type HoldingTools } from './holding.js';
import type { Ask, HeldLock, Subject } from './subject.js';
import { Visits, type Visit, type VisitTools } from './visits.js';

export interface TakingTools extends HoldingTools, VisitTools {
  readonly subject: Subject;
  readonly random: Random;
}

/** What becomes of a lock after the first work under it. */
export type Ending =
  | 'release'
  /** It is read on, beside others. */
  | 'downgrade'
  /** It is left to whoever has the ticket. */
  | 'hand off';

export interface Plan {
  readonly how: 'acquire' | 'tryAcquire' | 'using';
  readonly ask: Ask;
  /** As in the history: shorter than the wait where it is called off. */
  readonly patience: number;
  readonly ending?: Ending;
  /** What to do first under the lock. */
  readonly within?: () => Promise<void>;
  /** For how long to hold it, in ms; left out, as it comes. */
  readonly duration?: number;
}

/** How long the store may be silent before somebody is told so who does not wait in a queue, in ms. */
const SILENCE = 2_500;

/** How one caller takes locks, works under them and gives them back, told to the witness step by step. */
export class Taking {
  /** What it is doing, should it get stuck. */
  doing = 'nothing';
  private readonly holding: Holding;
  private readonly visits: Visits;

  constructor(
    caller: string,
    private readonly tools: TakingTools,
  ) {
    this.holding = new Holding(tools);
    this.visits = new Visits(caller, tools);
  }

  async take({ how, ask, patience, within, duration, ending }: Plan): Promise<void> {
    const { subject, witness } = this.tools;
    const visit = this.visits.ask(ask, patience);
    const { id, answer } = visit;
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
      if (within) await this.holding.proving(id, lock, within);
      this.doing = `hold ${id}`;
      // Who leaves its lock to others is inside until that is done.
      if (ending === 'hand off' && lock.handOff) await this.handOff(id, lock, ask);
      else progress.held = await this.holding.work(id, lock, leaseTime, duration);
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
      if (ending === 'downgrade' && progress.held && lock.downgrade) {
        await this.downgrade(id, lock, ask);
      } else await this.release(id, lock);
    } catch (error) {
      // Under a lock that was lost, or with Redis away, a scope and a release may well reject.
      if (progress.granted) witness.tell({ type: 'end', id, told: true });
      else await this.refused([visit], error);
    }
  }

  /** Several keys of one service, all or none. */
  async takeAll(asks: readonly Ask[], patience: number): Promise<void> {
    const visits = asks.map((ask) => this.visits.ask(ask, patience, { early: true }));
    this.doing = `acquireAll ${visits.map(({ id }) => id).join(' and ')}`;
    try {
      const locks = await this.tools.subject.acquireAll(asks);
      const entered = locks.map(async (lock, i) => {
        const { id, answer } = visits[i]!;
        answer('granted', { token: lock.token });
        await this.holding.work(id, lock, asks[i]!.leaseTime);
        await this.release(id, lock).catch(() => undefined);
      });
      await Promise.allSettled(entered);
    } catch (error) {
      await this.refused(visits, error, 'lost');
    }
  }

  /** Goes on with a lock that another worker has left. */
  async resume(ticket: string, ticketOf: string, ask: Ask, ending: Ending): Promise<void> {
    const { subject } = this.tools;
    const visit = this.visits.ask(ask, SILENCE, { early: true, ticketOf });
    const { id } = visit;
    this.doing = `resume ${id} on ${ask.key}`;
    let lock: HeldLock;
    try {
      lock = await subject.resume!(ticket, ask);
    } catch (error) {
      await this.refused([visit], error);
      return;
    }
    visit.answer('granted', { token: lock.token });
    if (ending === 'hand off' && lock.handOff) await this.handOff(id, lock, ask);
    else await this.holding.work(id, lock, ask.leaseTime);
    await this.release(id, lock).catch(() => undefined);
  }

  /** Works under a lock and then leaves it to others; one that could not be left is still to be released. */
  private async handOff(id: string, lock: HeldLock, ask: Ask): Promise<void> {
    const { random, witness } = this.tools;
    await this.holding.stay(id, lock, ask.leaseTime);
    this.doing = `hand off ${id} on ${ask.key}`;
    const ticket = await lock.handOff!({ leaseTime: ask.leaseTime }).catch(() => undefined);
    const at = moment();
    const proof = prove(() => lock.isHeld());
    const isDone = ticket !== undefined;
    witness.tell({ type: 'handed off', id, at, isDone, proof });
    if (!isDone) {
      witness.tell({ type: 'leave', id, proof });
      return;
    }
    // Most tickets have one taker; some two, of whom one is refused, and some none.
    const copies = random.pick([0, 1, 1, 1, 1, 1, 1, 2, 2]);
    const { key, mode } = ask;
    witness.tell({ type: 'ticket', ticket, of: id, key, mode, copies });
  }

  private async downgrade(before: string, lock: HeldLock, { key, leaseTime }: Ask): Promise<void> {
    const { witness } = this.tools;
    const visit = this.visits.ask({ key, leaseTime, mode: SHARED }, SILENCE, { early: true });
    const { id } = visit;
    this.doing = `downgrade ${before} to ${id} on ${key}`;
    try {
      await lock.downgrade!();
    } catch (error) {
      witness.tell({ type: 'end', id: before, told: true });
      await this.refused([visit], error, 'lost');
      await lock.release().catch(() => undefined);
      return;
    }
    witness.tell({ type: 'end', id: before, told: false });
    visit.answer('granted', { token: lock.token });
    await this.holding.work(id, lock, leaseTime);
    await this.release(id, lock).catch(() => undefined);
  }

  private async release(id: string, lock: HeldLock): Promise<void> {
    let isOurs = false;
    try {
      isOurs = await lock.release();
    } finally {
      this.tools.witness.tell({ type: 'end', id, told: !isOurs || lock.signal.aborted });
    }
  }

  /** @param loss what it is called when a lock was lost on the way */
  private async refused(
    visits: readonly Visit[],
    error: unknown,
    loss: Outcome = 'wrong',
  ): Promise<void> {
    const { subject, random } = this.tools;
    const outcome = error instanceof LockLostError ? loss : subject.outcomeOf(error);
    const isTold = outcome === 'wrong' || outcome === 'refused';
    for (const { answer } of visits) answer(outcome, isTold ? { note: String(error) } : {});
    // Who is told at once that Redis is away does not ask again at once.
    await pause(random.int(20, 60));
  }

  /** A scope that has ended without an error says that all was well. */
  private ended(id: string, held: boolean): void {
    const { witness } = this.tools;
    witness.tell({ type: 'end', id, told: false });
    if (held) return;
    const text = `${id}: the scope ended well under a lock that was lost`;
    witness.tell({ type: 'incident', kind: 'silent loss', at: moment(), text });
  }
}
