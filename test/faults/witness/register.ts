import { modeOf, type Acceptance, type Attempt, type Incident } from '../history.js';
import type { Message, Proof } from './messages.js';

/** Who holds and who waits, as far as the witness has heard. */
export interface Crowd {
  readonly inside: readonly { readonly key: string; readonly worker: string }[];
  readonly waiting: readonly string[];
}

/** The writes of one hold that no other interrupted; or the reads of several, that no write did. */
interface Series {
  readonly isWrite: boolean;
  readonly members: Map<string, Acceptance>;
}

/**
 * The guarded resource, and the record of what was done to it. It knows nothing of locks: it accepts
 * a write whose token is not smaller than the last one of that key, and refuses any other. Who is not
 * alone only reads: a read is refused under a smaller token than that of the last write.
 */
export class Register {
  readonly attempts: Attempt[] = [];
  readonly acceptances: Acceptance[] = [];
  readonly incidents: Incident[] = [];
  private readonly open = new Map<string, Attempt>();
  /** Those that have left and do not know yet how their release went. */
  private readonly leaving = new Map<string, Attempt>();
  private readonly largest = new Map<string, { written: number; read: number }>();
  private readonly series = new Map<string, Series>();

  /** Takes note of a message; for a write, whether it was accepted. */
  take(message: Message, now: number): boolean | undefined {
    switch (message.type) {
      case 'ask': {
        const { attempt: about } = message;
        const attempt = { ...about, accepted: 0, refused: 0 };
        this.attempts.push(attempt);
        this.open.set(attempt.id, attempt);
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
      case 'sign': {
        const attempt = this.open.get(message.id);
        if (attempt) prove(attempt, message.proof);
        return undefined;
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
      case 'handed off': {
        const { id, at, isDone, proof } = message;
        const attempt = this.open.get(id);
        if (!attempt) return undefined;
        attempt.handOff = { at, isDone };
        if (!isDone) return undefined;
        if (attempt.lastSign !== undefined) attempt.left = attempt.lastSign;
        // That it is not held any more is no loss; that it is, is seen by how long it was believed in.
        if (proof.held) prove(attempt, proof);
        this.leaving.set(id, attempt);
        this.open.delete(id);
        return undefined;
      }
      case 'ticket':
        return undefined;
      case 'incident':
        this.incidents.push({ kind: message.kind, at: message.at, text: message.text });
        return undefined;
    }
  }

  crowd(dead: ReadonlySet<string>): Crowd {
    const inside: { key: string; worker: string }[] = [];
    const waiting = new Set<string>();
    for (const { key, worker, outcome, lost } of this.open.values()) {
      if (dead.has(worker)) continue;
      if (outcome === undefined) waiting.add(worker);
      else if (!lost) inside.push({ key, worker });
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
    const { key, id, token = 0 } = attempt;
    const largest = this.largest.get(key) ?? { written: 0, read: 0 };
    const isWrite = modeOf(attempt).kind === 'exclusive';
    if (token < largest.written || (isWrite && token < largest.read)) {
      attempt.refused += 1;
      return false;
    }
    if (isWrite) largest.written = token;
    else largest.read = Math.max(largest.read, token);
    this.largest.set(key, largest);
    attempt.accepted += 1;
    let series = this.series.get(key);
    if (series?.isWrite !== isWrite || (isWrite && !series.members.has(id))) {
      this.series.set(key, (series = { isWrite, members: new Map() }));
    }
    const last = series.members.get(id);
    if (last) last.to = now;
    else {
      const begun = { key, attempt: id, from: now, to: now };
      series.members.set(id, begun);
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
