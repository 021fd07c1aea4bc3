import type { Contention } from '../lock-store.js';
import { holderOf } from '../owner.js';

/** A number; a client with `stringNumbers` gives it as a string. */
type Numeric = number | string;

/** The reply to `acquire` and `try` for a key that is taken; a granted one is its token. */
export type TakenReply = [
  held: string,
  remaining: Numeric,
  place: Numeric,
  now: Numeric,
  ride?: RideReply,
];

export type AcquireReply = Numeric | TakenReply;

/** A waiter of the same process that got the lock along with somebody else's reply. */
export interface Ride {
  readonly owner: string;
  readonly token: number;
}

type RideReply = [owner: string, token: Numeric];

export type ReleaseReply = Numeric | [ride: RideReply];

export type InspectReply = [held: string, remaining: Numeric, waiting: Numeric];

/** The ride in a reply that has one. */
export function rideOf(reply: RideReply | undefined): Ride | undefined {
  return reply && { owner: reply[0], token: Number(reply[1]) };
}

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
