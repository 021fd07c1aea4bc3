import type { Clock, Instant } from '../../clock.js';
import {
  type Attempt,
  type AttemptListener,
  type ExtendRequest,
  type LeaseRequest,
  type Renewal,
  type Silence,
} from '../lock-store.js';
import { OwnerMint } from '../owner.js';
import type { StoreLog } from '../store-log.js';
import type { AttemptHost } from './attempt-host.js';
import { GrantInbox } from './inbox/grant-inbox.js';
import { OtherLibraries } from './other-libraries.js';
import { isLeftFree, type GrantNotice, type PiggybackedGrant } from './protocol/lock-reply.js';
import { INBOX } from './protocol/limits.js';
import { OPERATION, askingOperation, encodeOperation } from './protocol/operation.js';
import { modeSuffix } from './protocol/owner-mode.js';
import { isReadOnly, noAnswer } from './protocol/reply-errors.js';
import { KeyQuestions } from './key-questions.js';
import { QueuedAttempts } from './queued-attempts.js';
import { RedisAttempt } from './redis-attempt.js';
import type { RedisClient } from './redis-client.js';
import { RedisLeases, type LeaseHost } from './redis-leases.js';
import { RedisNotices } from './redis-notices.js';
import { RedisRelease } from './redis-release.js';
import { TokenFloor } from './token-floor.js';
import { Connection } from './transport/connection.js';
import { newEntry, type Answer, type Entry } from './transport/entry.js';
import { Transport } from './transport/transport.js';

export interface RedisCommandsOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly log: StoreLog;
  /** What the name of a lock begins with. */
  readonly namePrefix: string;
  readonly otherLibraries: boolean;
  readonly ownsClient: boolean;
  readonly answerTimeout: number;
  /** Redis was out of reach and is back, perhaps as another server. */
  recovered(): void;
}

/**
 * What a Redis store does, for its attempts and releases: turns what they want into entries for the
 * transport, in order for each owner, and brings grants to those who wait for them.
 */
export class RedisCommands implements AttemptHost, LeaseHost {
  readonly clock: Clock;
  readonly process: string;
  readonly others: OtherLibraries;
  /** Set when the store was closed. */
  closed: Error | undefined;
  private readonly owners = new OwnerMint();
  private readonly queuedAttempts = new QueuedAttempts();
  private readonly tokenFloor = new TokenFloor();
  private readonly connection: Connection;
  private readonly transport: Transport;
  private readonly inbox: GrantInbox;
  /** What is asked of a key in nobody's name. */
  readonly questions: KeyQuestions;
  /** What is done with the locks of this process. */
  readonly leases = new RedisLeases(this);
  private readonly notices: RedisNotices;

  constructor(private readonly options: RedisCommandsOptions) {
    const { client, clock, log, answerTimeout } = options;
    const { process } = this.owners;
    this.process = process;
    this.clock = clock;
    this.others = new OtherLibraries(clock, options.otherLibraries);
    this.notices = new RedisNotices(log, options.ownsClient);
    this.connection = new Connection(client, clock, options.ownsClient);
    this.transport = new Transport({
      client,
      connection: this.connection,
      clock,
      process,
      answerTimeout,
      tokenFloor: (now) => this.tokenFloor.at(now),
      isReachable: () => this.inbox.isCounted && this.inbox.isHeard,
      erred: (error) => this.erred(error),
    });
    this.inbox = new GrantInbox({
      client,
      clock,
      log,
      channel: INBOX + process,
      isWanted: () => this.queuedAttempts.size > 0 && this.connection.isReady,
      deliver: (notice) => this.deliver(notice),
      opened: () => this.askAll(),
      lost: () => this.askAll(),
    });
    this.questions = new KeyQuestions(
      clock,
      (key, words, answer) => this.send(key, words, undefined, answer),
      (grant, sent) => this.piggybacked(grant, sent),
    );
    this.connection.onReady(() => this.back());
    this.connection.onEnd((error) => this.rejectAll(noAnswer(error)));
  }

  greet(): void {
    this.connection.open();
  }

  acquire(request: LeaseRequest, listener: AttemptListener): Attempt {
    const id = this.owners.nextId() + modeSuffix(request.mode);
    const attempt = new RedisAttempt(request, id, this, listener);
    const { closed } = this;
    if (closed) process.nextTick(() => attempt.fail(closed));
    else attempt.ask();
    return attempt;
  }

  extend(leases: readonly ExtendRequest[]): Promise<Renewal | null>[] {
    const answers = leases.map(({ grant, leaseTime }) => this.leases.extend(grant, leaseTime));
    this.transport.flushNow();
    return answers;
  }

  nextId(): string {
    return this.owners.nextId();
  }

  private rejectAll(error: Error): void {
    for (const attempt of this.queuedAttempts.all()) attempt.fail(error);
    for (const { answer } of this.transport.entries()) {
      if (answer instanceof RedisAttempt) answer.fail(error);
    }
  }

  /** No attempt succeeds any more; what is given back still is. */
  close(reason: Error): void {
    this.closed = reason;
    this.rejectAll(reason);
  }

  drained(): Promise<void> {
    return this.transport.drained();
  }

  stop(): void {
    this.transport.stop(this.closed ?? new Error('the store was closed'));
    this.inbox.close();
    this.connection.stop();
  }

  /** A token, or the server's time in µs, has arrived with an answer: the server takes writes. */
  observe(token: number): void {
    this.notices.served();
    this.tokenFloor.observe(token);
  }

  get connectionEpoch(): string {
    return `${this.connection.outages}.${this.inbox.openings}`;
  }

  get isHeard(): boolean {
    return this.inbox.isHeard;
  }

  get isClosed(): boolean {
    return this.closed !== undefined || this.connection.ended !== undefined;
  }

  ask(attempt: RedisAttempt): Entry {
    const { key, leaseTime, together } = attempt.request;
    const operation = askingOperation(attempt.request, this.others.isLeft(key));
    const words = encodeOperation(operation, attempt.id, Math.ceil(leaseTime), attempt.arrival);
    const entry = newEntry(this.nameOf(key), words, undefined, attempt, together);
    return this.transport.submit(entry, together !== undefined);
  }

  silence(key: string): Silence | undefined {
    return this.transport.silence(this.nameOf(key));
  }

  queued(attempt: RedisAttempt): void {
    this.queuedAttempts.add(attempt);
    this.inbox.wanted();
  }

  over(attempt: RedisAttempt): void {
    this.queuedAttempts.remove(attempt);
  }

  first(key: string): RedisAttempt | undefined {
    return this.queuedAttempts.first(key);
  }

  leave({ request, id }: RedisAttempt, after: Entry | undefined, matters: number): void {
    const words = encodeOperation(OPERATION.leave, id, Math.ceil(request.leaseTime));
    new RedisRelease(request.key, words, matters, after, this, undefined).send();
  }

  /** Who gives one lock back often asks for the next in the same turn: they travel together. */
  sendRelease(key: string, words: string, after: Entry | undefined, answer: Answer): Entry {
    return this.transport.submit(newEntry(this.nameOf(key), words, after, answer), true);
  }

  passOver(key: string): void {
    void this.questions.passOver(key);
  }

  piggybacked({ owner, token }: PiggybackedGrant, sent: Instant): void {
    this.observe(token);
    const attempt = this.queuedAttempts.get(this.ownId(owner));
    attempt?.win(token, attempt.request.leaseTime, sent);
  }

  send(key: string, words: string, after: Entry | undefined, answer: Answer): Entry {
    return this.transport.submit(newEntry(this.nameOf(key), words, after, answer));
  }

  private nameOf(key: string): string {
    return this.options.namePrefix + key;
  }

  private ownId(owner: string): string {
    return owner.startsWith(this.process) ? owner.slice(this.process.length + 1) : '0';
  }

  private deliver(notice: GrantNotice): void {
    this.tokenFloor.observe(Math.max(notice.nowUs, notice.token));
    const id = this.ownId(notice.owner);
    const attempt = this.queuedAttempts.get(id);
    if (attempt && isLeftFree(notice)) this.others.leave(attempt.request.key);
    if (attempt) attempt.told(notice);
    // The message may overtake the reply that put its waiter in the queue: they come by different
    // connections.
    else this.transport.afterAnswers(() => this.queuedAttempts.get(id)?.told(notice));
  }

  private askAll(): void {
    for (const attempt of this.queuedAttempts.all()) attempt.ask();
  }

  /** The connection is there again: the inbox's may lead elsewhere, and nothing held is certain. */
  private back(): void {
    this.inbox.reopen();
    this.askAll();
    this.options.recovered();
  }

  private erred(error: Error): void {
    this.notices.answered(error);
    if (isReadOnly(error)) this.connection.replace();
  }
}
