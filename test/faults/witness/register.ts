import type { Acceptance, Attempt, Incident } from '../history.js';
import type { Message, Proof } from './messages.js';

/** Who holds and who waits, as far as the witness has heard. */
export interface Crowd {
  /** The worker inside each key. */
  readonly inside: Record<string, string>;
  readonly waiting: readonly string[];
}

/**
 * The guarded resource, and the record of what was done to it. It knows nothing of locks: it accepts
 * a write whose token is not smaller than the last one of that key, and refuses any other.
 */
export class Register {
  readonly attempts: Attempt[] = [];
  readonly acceptances: Acceptance[] = [];
  readonly incidents: Incident[] = [];
  private readonly open = new Map<string, Attempt>();
  /** Those that have left and do not know yet how their release went. */
  private readonly leaving = new Map<string, Attempt>();
  private readonly largest = new Map<string, number>();
  private readonly series = new Map<string, Acceptance>();

  /** Takes note of a message; for a write, whether it was accepted. */
  take(message: Message, now: number): boolean | undefined {
    switch (message.type) {
      case 'ask': {
        const { id, worker, key, asked, patience, leaseTime, several = false } = message;
        const about = { id, worker, key, asked, patience, leaseTime, several };
        const attempt = { ...about, accepted: 0, refused: 0 };
        this.attempts.push(attempt);
        this.open.set(id, attempt);
        return undefined;
      }
      case 'answer':
        this.answer(message);
        return undefined;
      case 'write': {
        const attempt = this.open.get(message.id);
        if (!attempt) return false;
        prove(attempt, message.proof);
        return this.write(attempt, now);
      }
      case 'leave': {
        const attempt = this.open.get(message.id);
        if (attempt) prove(attempt, message.proof);
        if (attempt && !attempt.lost) attempt.left = message.proof.from;
        if (attempt) this.leaving.set(message.id, attempt);
        this.open.delete(message.id);
        return undefined;
      }
      case 'end': {
        const attempt = this.leaving.get(message.id);
        if (attempt) attempt.told = message.told || attempt.lost === true;
        this.leaving.delete(message.id);
        return undefined;
      }
      case 'incident':
        this.incidents.push({ kind: message.kind, at: message.at, text: message.text });
        return undefined;
    }
  }

  crowd(dead: ReadonlySet<string>): Crowd {
    const inside: Record<string, string> = {};
    const waiting = new Set<string>();
    for (const { key, worker, outcome, lost } of this.open.values()) {
      if (dead.has(worker)) continue;
      if (outcome === undefined) waiting.add(worker);
      else if (!lost) inside[key] = worker;
    }
    return { inside, waiting: [...waiting] };
  }

  private answer({ id, at, outcome, stalled, token, note }: Message & { type: 'answer' }): void {
    const attempt = this.open.get(id);
    if (!attempt) return;
    Object.assign(attempt, { answered: at, outcome, stalled });
    if (token !== undefined) attempt.token = token;
    if (note !== undefined) attempt.note = note;
    if (outcome !== 'granted') this.open.delete(id);
  }

  private write(attempt: Attempt, now: number): boolean {
    const { key, token = 0 } = attempt;
    if (token < (this.largest.get(key) ?? 0)) {
      attempt.refused += 1;
      return false;
    }
    this.largest.set(key, token);
    attempt.accepted += 1;
    const last = this.series.get(key);
    if (last?.attempt === attempt.id) last.to = now;
    else {
      const begun = { key, attempt: attempt.id, from: now, to: now };
      this.series.set(key, begun);
      this.acceptances.push(begun);
    }
    return true;
  }
}

function prove(attempt: Attempt, { from, to, held }: Proof): void {
  if (!held) attempt.lost = true;
  if (attempt.lost) return;
  attempt.lastSign = from;
  if (!attempt.believed) attempt.believed = { from: to, to: from };
  else attempt.believed.to = Math.max(attempt.believed.to, from);
}
