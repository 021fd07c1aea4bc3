import type { Clock, Instant } from '../../clock.js';
import { defer } from '../../deferred.js';
import type { Grant, ReleaseListener, Renewal, Succession } from '../lock-store.js';
import type { OtherLibraries } from './other-libraries.js';
import { successionAnswer, type PiggybackedGrant } from './protocol/lock-reply.js';
import { OPERATION, encodeOperation } from './protocol/operation.js';
import { modeSuffix } from './protocol/owner-mode.js';
import { noAnswer } from './protocol/reply-errors.js';
import { RedisGrant } from './redis-grant.js';
import { RedisRelease, type ReleaseHost } from './redis-release.js';
import type { Answer, Entry } from './transport/entry.js';

/** What leases need of their store. */
export interface LeaseHost extends ReleaseHost {
  readonly clock: Clock;
  /** Where their locks are met. */
  readonly others: OtherLibraries;
  /** What the owners of this process begin with. */
  readonly process: string;
  /** What follows it in the next owner. */
  nextId(): string;
  send(key: string, words: string, after: Entry | undefined, answer: Answer): Entry;
  /** A token has arrived. */
  observe(token: number): void;
  piggybacked(grant: PiggybackedGrant, sent: Instant): void;
}

/** What is done with locks that are held: renewed, taken over, given back. */
export class RedisLeases {
  constructor(private readonly host: LeaseHost) {}

  extend(grant: Grant, leaseTime: number): Promise<Renewal | null> {
    const id = this.idOf(grant);
    const words = encodeOperation(OPERATION.extend, id, grant.token, Math.ceil(leaseTime));
    const { promise, resolve, reject } = defer<Renewal | null>();
    const entry = this.host.send(grant.key, words, lastOf(grant), {
      settle: (reply, from) => resolve(Number(reply) === 0 ? null : { from, leaseTime }),
      refused: reject,
      unanswered: (error) => reject(noAnswer(error)),
    });
    if (grant instanceof RedisGrant) grant.renewal = entry;
    return promise;
  }

  release(grant: Grant, lastToken: number, listener: ReleaseListener, keepFor = 0): void {
    const { key, token, leaseTime } = grant;
    const id = this.idOf(grant);
    if (keepFor > 0) {
      // It ends as a lease does: nothing need be there to end it.
      const words = encodeOperation(OPERATION.extend, id, token, Math.ceil(keepFor));
      new RedisRelease(key, words, keepFor, lastOf(grant), this.host, listener).send();
      return;
    }
    const { others } = this.host;
    const isTheirTurn = others.isTheirTurn(key);
    if (isTheirTurn) others.leave(key);
    const verb = isTheirTurn ? OPERATION.releaseToOthers : OPERATION.release;
    const words = encodeOperation(verb, id, token, lastToken);
    new RedisRelease(key, words, leaseTime, beforeRelease(grant), this.host, listener).send();
  }

  succeed({ key, from, lastToken, mode, leaseTime }: Succession): Promise<Grant | null> {
    const { host } = this;
    const id = host.nextId() + modeSuffix(mode);
    const asked = encodeOperation(OPERATION.succeed, id, Math.ceil(leaseTime), lastToken);
    const { promise, resolve, reject } = defer<Grant | null>();
    let isGivenUp = false;
    const entry = host.send(key, `${asked} ${from.owner} ${from.token}`, lastOf(from), {
      settle: (reply, sent) => {
        const { token, piggybacked } = successionAnswer(reply);
        for (const grant of piggybacked) host.piggybacked(grant, sent);
        if (token > 0) host.observe(token);
        resolve(
          token === 0
            ? null
            : new RedisGrant(key, mode, host.process, id, token, sent, leaseTime, undefined),
        );
      },
      refused: reject,
      unanswered: (error) => {
        reject(noAnswer(error));
        if (isGivenUp) return;
        isGivenUp = true;
        // Nobody goes on with what Redis may have granted.
        const left = encodeOperation(OPERATION.leave, id, Math.ceil(leaseTime));
        new RedisRelease(key, left, leaseTime, entry, host, undefined).send();
      },
    });
    if (from instanceof RedisGrant) from.renewal = entry;
    return promise;
  }

  /** What follows the process in an owner; of an owner that is not ours, an id that nobody has. */
  private idOf(grant: Grant): string {
    const { process } = this.host;
    if (grant instanceof RedisGrant && grant.process === process) return grant.id;
    return grant.owner.startsWith(process) ? grant.owner.slice(process.length + 1) : '0';
  }
}

/**
 * What a release waits for: a question, which might queue again behind it. Nothing of a renewal
 * outlives a release that comes behind it, so one that waits for an answer goes at once: the lease
 * would outlast the answers.
 */
function beforeRelease(grant: Grant): Entry | undefined {
  if (!(grant instanceof RedisGrant)) return undefined;
  const { question } = grant;
  let entry = grant.renewal;
  while (entry && entry !== question && entry.stage === 'queued') {
    const before: Entry | undefined = entry.after;
    entry.after = question;
    entry = before;
  }
  return question;
}

/** What its owner has under way: what comes next waits for the answer. */
function lastOf(grant: Pick<Grant, 'owner'>): Entry | undefined {
  return grant instanceof RedisGrant ? (grant.renewal ?? grant.question) : undefined;
}
