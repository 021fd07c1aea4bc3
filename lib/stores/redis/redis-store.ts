import { systemClock, type Clock, type Instant, type Timer } from '../../clock.js';
import { LockStore } from '../lock-store.js';
import type { Attempt, HeldLease, LeaseRequest, LockState } from '../lock-store.js';
import { OwnerMint } from '../owner.js';
import { GrantInbox, type GrantNotice } from './grant-inbox.js';
import { GroupCommit, type Answer, type Entry } from './group-commit.js';
import { slotOf, unusualLineOf } from './key-slot.js';
import { contentionOf, type InspectReply, type Ride } from './lock-reply.js';
import { INBOX, type Operation } from './lock-script.js';
import { RedisAttempt, type AttemptHost } from './redis-attempt.js';
import type { RedisClient } from './redis-client.js';
import { Release, type ReleaseHost, type ReleaseTold, type ReleasedLease } from './release.js';
import { StandingLines } from './standing-lines.js';

export interface RedisStoreOptions {
  /** An ioredis client, single or Cluster. Used as it is: its `db` and `keyPrefix` are respected. */
  readonly client: RedisClient;
  /** What the names of locks begin with: `‹keyPrefix›:‹key›`. @default 'lock' */
  readonly keyPrefix?: string;
  /** Close the client with the store. @default false */
  readonly ownsClient?: boolean;
  /** Ms after which a command counts as unanswered. @default 2_000 */
  readonly answerTimeout?: number;
  readonly clock?: Clock;
}

/**
 * Locks on one Redis or Valkey, behind Sentinel, or on a Cluster.
 *
 * @example
 * ```ts
 * const store = new RedisStore({ client: new Redis('redis://localhost:6379') });
 * ```
 */
export class RedisStore extends LockStore implements AttemptHost, ReleaseHost {
  readonly remote = true;
  readonly clock: Clock;
  private readonly client: RedisClient;
  private readonly keyPrefix: string;
  /** What the client puts in front of all keys. */
  private readonly clientPrefix: string;
  private readonly answerTimeout: number;
  private readonly owners = new OwnerMint();
  private readonly group: GroupCommit;
  private readonly inbox: GrantInbox;
  private readonly standers = new StandingLines();
  /** Set when the store is closed. */
  closed: Error | undefined;
  private closing: Promise<void> | undefined;

  constructor(private readonly options: RedisStoreOptions) {
    super();
    const { client, clock = systemClock, keyPrefix = 'lock', answerTimeout = 2_000 } = options;
    this.client = client;
    this.clock = clock;
    this.keyPrefix = keyPrefix;
    this.answerTimeout = answerTimeout;
    const { process } = this.owners;
    this.clientPrefix = client.options.keyPrefix ?? '';
    this.group = new GroupCommit({
      client,
      clock,
      process,
      answerTimeout,
      laneOf: client.isCluster ? (lock) => slotOf(this.clientPrefix + lock) : () => 0,
    });
    this.inbox = new GrantInbox({
      client,
      clock,
      channel: INBOX + process,
      deliver: (notice) => this.deliver(notice),
      opened: () => this.askAll(),
    });
    client.on('close', this.onClose);
    client.on('ready', this.onReady);
  }

  acquire(request: LeaseRequest): Attempt {
    return new RedisAttempt(request, this.owners.next(), this);
  }

  extend(leases: readonly (HeldLease & { leaseTime: number })[]): Promise<Instant | null>[] {
    return leases.map(
      (lease) =>
        new Promise((resolve, reject) => {
          this.send('extend', lease.key, lease.owner, lease.leaseTime, 0, {
            settle: (reply, sent) => resolve(Number(reply) === 1 ? sent : null),
            fail: reject,
          });
        }),
    );
  }

  release(lease: HeldLease): Promise<boolean> {
    return new Promise((answered, failed) => {
      this.giveBack(lease, { answered, failed });
    });
  }

  inspect(key: string): Promise<LockState> {
    return new Promise((resolve, reject) => {
      this.send('inspect', key, '', 0, 0, {
        settle: (reply) => {
          const [held, remaining, waiting] = reply as InspectReply;
          resolve({
            held: held === '' ? undefined : contentionOf(held, Number(remaining)),
            waiting: Number(waiting),
          });
        },
        fail: reject,
      });
    });
  }

  close(): Promise<void> {
    return (this.closing ??= this.shutDown());
  }

  private async shutDown(): Promise<void> {
    this.closed = new Error('the store was closed');
    for (const attempt of this.standers.all()) attempt.dismiss(this.closed);
    let late: Timer | undefined;
    await Promise.race([
      this.group.drained(),
      new Promise<void>((resolve) => (late = this.clock.after(this.answerTimeout, resolve))),
    ]);
    late?.cancel();
    this.client.off('close', this.onClose);
    this.client.off('ready', this.onReady);
    this.group.stop();
    this.inbox.close();
    if (this.options.ownsClient) this.client.disconnect();
  }

  // What follows serves the attempts.

  get era(): string {
    return `${String(this.group.outages)}.${String(this.inbox.openings)}`;
  }

  submit(attempt: RedisAttempt, operation: Operation): Entry {
    const { key, leaseTime } = attempt.request;
    return this.send(operation, key, attempt.owner, leaseTime, Number(this.inbox.proved), attempt);
  }

  standing(attempt: RedisAttempt): void {
    this.standers.add(attempt);
    this.inbox.open();
  }

  over(attempt: RedisAttempt): void {
    this.standers.remove(attempt);
  }

  first(key: string): RedisAttempt | undefined {
    return this.standers.first(key);
  }

  giveBack(lease: ReleasedLease, told?: ReleaseTold): void {
    new Release(lease, this, told).send();
  }

  sendRelease({ key, owner, token, leaseTime = 0 }: ReleasedLease, answer: Answer): void {
    this.send('release', key, owner, leaseTime, token, answer);
  }

  ride({ owner, token }: Ride, sent: Instant): void {
    const attempt = this.standers.get(owner);
    attempt?.win(token, attempt.request.leaseTime, sent);
  }

  private send(
    operation: Operation,
    key: string,
    owner: string,
    leaseTime: number,
    detail: number,
    answer: Answer,
  ): Entry {
    const lock = `${this.keyPrefix}:${key}`;
    const entry: Entry = {
      operation,
      lock,
      line: unusualLineOf(this.clientPrefix + lock),
      owner: this.ownPart(owner),
      leaseTime: Math.ceil(leaseTime),
      detail,
      stage: 'queued',
      answer,
    };
    this.group.submit(entry);
    return entry;
  }

  /** What follows the process in an owner's id; of an owner that is not ours, one that nobody is. */
  private ownPart(owner: string): string {
    const { process } = this.owners;
    return owner.startsWith(process) ? owner.slice(process.length + 1) : '0';
  }

  private deliver(notice: GrantNotice): void {
    const attempt = this.standers.get(notice.owner);
    if (attempt) attempt.told(notice);
    // The message may overtake the reply that put its waiter in the line: they come by different
    // connections.
    else void this.group.answered().then(() => this.standers.get(notice.owner)?.told(notice));
  }

  private askAll(): void {
    for (const attempt of this.standers.all()) attempt.ask();
  }

  private readonly onClose = (): void => {
    for (const attempt of this.standers.all()) attempt.disconnected();
  };

  private readonly onReady = (): void => this.askAll();
}
