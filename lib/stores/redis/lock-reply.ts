import type { Contention } from '../lock-store.js';
import { holderOf } from '../owner.js';

/** The reply to `acquire` and `try`: granted with a token, or taken. */
export type AcquireReply = GrantedReply | TakenReply;
type GrantedReply = [granted: 1, token: number, now: number];
type TakenReply = [
  granted: 0,
  held: string,
  remaining: number,
  place: number,
  now: number,
  ride?: Ride,
];

/** Tells the two apart; numbers may arrive as strings, as the client's options say. */
export function isGranted(reply: AcquireReply): reply is GrantedReply {
  return Number(reply[0]) === 1;
}

/** A waiter of the same process that got the lock along with somebody else's reply. */
export type Ride = [owner: string, token: number];

export type ReleaseReply = [released: 0 | 1, ride?: Ride];

export type InspectReply = [held: string, remaining: number, waiting: number];

/** The holder, from the value of a lock; what is not of our making tells nothing. */
export function contentionOf(held: string, remaining: number): Contention {
  const [, owner, token] = /^(.+) (\d+)$/.exec(held) ?? [];
  const holder = owner === undefined ? undefined : holderOf(owner);
  return {
    holder,
    since: holder === undefined ? undefined : Math.floor(Number(token) / 1000),
    remaining: Math.max(0, remaining),
  };
}

/** Errors that another try will not cure; the rest are a server on its way up, down or over. */
const PERMANENT = /^(WRONGTYPE|NOPERM|NOAUTH|WRONGPASS|CROSSSLOT|ERR)\b/;

/** Whether asking again cannot help. */
export function isPermanent(error: Error): boolean {
  return PERMANENT.test(error.message);
}
