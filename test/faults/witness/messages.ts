import type { Attempt, Incident, Outcome } from '../history.js';
import type { Mode } from '../modes.js';

/** A proof of belief: `isHeld()` was asked somewhere between the two moments. */
export interface Proof {
  readonly from: number;
  readonly to: number;
  readonly held: boolean;
}

/** What an attempt begins with. */
export type Question = Required<Pick<Attempt, 'mode'>> &
  Pick<
    Attempt,
    'id' | 'worker' | 'key' | 'asked' | 'patience' | 'leaseTime' | 'early' | 'ticketOf'
  >;

/** What a worker tells the witness, one JSON object a line. */
export type Message =
  | { readonly type: 'ask'; readonly attempt: Question }
  | {
      readonly type: 'answer';
      readonly id: string;
      readonly at: number;
      readonly outcome: Outcome;
      readonly stalled: number;
      readonly token?: number;
      readonly note?: string;
    }
  /** Answered with a `WriteReply`. */
  | { readonly type: 'write'; readonly id: string; readonly proof: Proof }
  /** Held, and doing something else. */
  | { readonly type: 'sign'; readonly id: string; readonly proof: Proof }
  | { readonly type: 'leave'; readonly id: string; readonly proof: Proof }
  /** After its leave: the lock has been given back; whether anything told of a loss. */
  | { readonly type: 'end'; readonly id: string; readonly told: boolean }
  /**
   * The lock was to be left to others; if that went well this is its leave, and it was asked once more
   * whether it is held.
   */
  | {
      readonly type: 'handed off';
      readonly id: string;
      readonly at: number;
      readonly isDone: boolean;
      readonly proof: Proof;
    }
  /** Passed on to so many other workers. */
  | ({ readonly type: 'ticket'; readonly copies: number } & TicketOffer)
  | ({ readonly type: 'incident' } & Incident);

/** A ticket, and what the one who claims it must tell of. */
export interface TicketOffer {
  readonly ticket: string;
  /** The hold that left it. */
  readonly of: string;
  readonly key: string;
  readonly mode: Mode;
}

export interface WriteReply {
  readonly id: string;
  readonly accepted: boolean;
}

/** Splits a stream of JSON lines. */
export function lines(take: (message: unknown) => void): (chunk: Buffer | string) => void {
  let rest = '';
  return (chunk) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) take(JSON.parse(part));
  };
}
