import type { Incident, Outcome } from '../history.js';

/** A proof of belief: `isHeld()` was asked somewhere between the two moments. */
export interface Proof {
  readonly from: number;
  readonly to: number;
  readonly held: boolean;
}

/** What a worker tells the witness, one JSON object a line. */
export type Message =
  | {
      readonly type: 'ask';
      readonly id: string;
      readonly worker: string;
      readonly key: string;
      readonly asked: number;
      readonly patience: number;
      readonly leaseTime: number;
      readonly several?: boolean;
    }
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
  | { readonly type: 'leave'; readonly id: string; readonly proof: Proof }
  /** After its leave: the lock has been given back; whether anything told of a loss. */
  | { readonly type: 'end'; readonly id: string; readonly told: boolean }
  | ({ readonly type: 'incident' } & Incident);

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
