import type { HolderInfo } from '../../lock-store.js';
import { holderOf } from '../../owner.js';
import { modeOf } from './owner-mode.js';

/** A number; a client with `stringNumbers` gives it as a string, and the script some as text. */
type Numeric = number | string;

/** `owner token` of a holder; '' for nobody; of another library's a digest, or '' from `inspect`. */
type HolderReply = string;
/** For a free key that is left to other libraries. */
const LEFT_FREE = '-';

/** owner, token, owner, … */
type PiggybackReply = Numeric[];

/** To `acquire` and `try` for a key that is taken; a granted one is its token. */
type TakenReply = [
  holder: HolderReply,
  remaining: Numeric,
  place: Numeric,
  now: Numeric,
  arrival: string,
  ...piggybacked: PiggybackReply,
];

/** A waiter of the same process that got the lock along with somebody else's reply. */
export interface PiggybackedGrant {
  readonly owner: string;
  readonly token: number;
}

/** What an `acquire` or `try` was answered that was not granted. */
export interface TakenAnswer {
  readonly holders: readonly HolderInfo[];
  /** Ms until the holder's lease ends; `Infinity` when it has no end. */
  readonly remainingMs: number;
  /** How many wait before this one, at most. */
  readonly place: number;
  /** The server's time, in µs since the epoch. */
  readonly nowUs: number;
  /** The place in the queue, to be named when asking again; '0' when it does not wait in one. */
  readonly arrival: string;
  /** Another library has the key: tells one lock of its from the next. */
  readonly theirs: string | undefined;
  /** The key is free, and left to other libraries. */
  readonly isLeft: boolean;
  readonly piggybacked: readonly PiggybackedGrant[];
}

/** A token, when it was granted. */
export function acquireAnswer(reply: unknown): number | TakenAnswer {
  if (!Array.isArray(reply)) return Number(reply);
  const [holder, remaining, place, now, arrival, ...piggybacked] = reply as TakenReply;
  const isOurs = holder.includes(' ');
  const isLeft = holder === LEFT_FREE;
  const theirs = isOurs || isLeft || holder === '' ? undefined : holder;
  const info = holderInfo(isOurs ? holder : '', Number(remaining));
  return {
    // Nobody holds it at this moment when those who were before are being passed over.
    holders: isOurs || theirs ? [info] : [],
    theirs,
    isLeft,
    remainingMs: info.remainingMs,
    place: Number(place),
    nowUs: Number(now),
    arrival,
    piggybacked: piggybackedGrants(piggybacked),
  };
}

/** What a `succeed` was answered: a token, or 0 when there was nothing to take over. */
export interface SuccessionAnswer {
  readonly token: number;
  readonly piggybacked: readonly PiggybackedGrant[];
}

export function successionAnswer(reply: unknown): SuccessionAnswer {
  const [token, ...piggybacked] = [reply].flat() as [Numeric, ...PiggybackReply];
  return { token: Number(token), piggybacked: piggybackedGrants(piggybacked) };
}

/** What a `release`, `leave`, `force` or `passOver` was answered. */
export interface ReleaseAnswer {
  readonly ours: boolean;
  /** There are more waiters to be passed over before one is found that is there. */
  readonly unfinished: boolean;
  readonly piggybacked: readonly PiggybackedGrant[];
}

const NO_GRANTS: readonly PiggybackedGrant[] = [];
const RELEASED: ReleaseAnswer = { ours: true, unfinished: false, piggybacked: NO_GRANTS };
/** By the codes of the script. */
const ANSWERS: readonly ReleaseAnswer[] = [
  { ...RELEASED, ours: false },
  RELEASED,
  { ...RELEASED, unfinished: true },
  { ...RELEASED, ours: false, unfinished: true },
];

export function releaseAnswer(reply: unknown): ReleaseAnswer {
  if (Array.isArray(reply)) {
    const [code, ...piggybacked] = reply as [Numeric, ...PiggybackReply];
    return { ...answerOf(code), piggybacked: piggybackedGrants(piggybacked) };
  }
  return answerOf(reply);
}

function answerOf(code: unknown): ReleaseAnswer {
  // Any other number is a yes: the usual reply of a call is that of all its entries.
  return ANSWERS[Number(code)] ?? RELEASED;
}

/** Who holds a key and how many wait, from the reply to `inspect`. */
export function inspectAnswer(reply: unknown): { holders: HolderInfo[]; waiting: number } {
  const [waiting, ...pairs] = reply as [Numeric, ...(HolderReply | Numeric)[]];
  const holders: HolderInfo[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    holders.push(holderInfo(String(pairs[i]), Number(pairs[i + 1])));
  }
  return { holders, waiting: Number(waiting) };
}

/** A message to an inbox: a waiter was granted its lock. */
export interface GrantNotice {
  readonly owner: string;
  readonly token: number;
  /** When, in µs since the epoch on the server's clock. */
  readonly nowUs: number;
  /** The lease that it starts with, in ms. */
  readonly claimMs: number;
}

/** Whether a message says that the key was left to other libraries, and nothing was granted. */
export function isLeftFree({ token }: GrantNotice): boolean {
  return token === 0;
}

export function grantNotice(message: string): GrantNotice {
  const [owner = '', token, now, claim] = message.split(' ');
  return { owner, token: Number(token), nowUs: Number(now), claimMs: Number(claim) };
}

function piggybackedGrants(reply: PiggybackReply): readonly PiggybackedGrant[] {
  if (reply.length === 0) return NO_GRANTS;
  const grants: PiggybackedGrant[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    grants.push({ owner: String(reply[i]), token: Number(reply[i + 1]) });
  }
  return grants;
}

/** What is not of our making tells nothing but how long it will stay. */
function holderInfo(held: HolderReply, remaining: number): HolderInfo {
  const remainingMs = remaining < 0 ? Infinity : remaining;
  if (held === '') {
    return { holder: undefined, mode: undefined, sinceEpochMs: undefined, remainingMs };
  }
  const space = held.lastIndexOf(' ');
  const owner = held.slice(0, space);
  return {
    holder: holderOf(owner),
    mode: modeOf(owner),
    // A token is the moment of its grant, in µs.
    sinceEpochMs: Math.floor(Number(held.slice(space + 1)) / 1_000),
    remainingMs,
  };
}
