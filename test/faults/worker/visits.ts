import type { Outcome } from '../history.js';
import { moment } from '../moment.js';
import type { WitnessClient } from '../witness/witness-client.js';
import type { StallMeter } from './stall-meter.js';
import type { Ask } from './subject.js';

/** A question that the witness knows of, and its answer. */
export interface Visit {
  readonly id: string;
  readonly answer: (outcome: Outcome, facts?: { token?: number; note?: string }) => void;
}

export interface VisitTools {
  readonly worker: string;
  readonly witness: WitnessClient;
  readonly meter: StallMeter;
}

/** Tells the witness what one caller asks for, and what it is told. */
export class Visits {
  private count = 0;

  constructor(
    private readonly caller: string,
    private readonly tools: VisitTools,
  ) {}

  /** @param facts `early` and `ticketOf` as in the history */
  ask(
    { key, leaseTime, mode }: Pick<Ask, 'key' | 'leaseTime' | 'mode'>,
    patience: number,
    facts: { readonly early?: boolean; readonly ticketOf?: string } = {},
  ): Visit {
    const { witness, worker, meter } = this.tools;
    const id = `${this.caller}.${(this.count += 1)}`;
    const before = meter.stalled;
    const about = { id, worker, key, mode, asked: moment(), patience, leaseTime };
    witness.tell({ type: 'ask', attempt: { ...about, ...facts } });
    return {
      id,
      answer: (outcome, answer = {}) => {
        const stalled = meter.stalled - before;
        witness.tell({ type: 'answer', id, at: moment(), outcome, stalled, ...answer });
      },
    };
  }
}
