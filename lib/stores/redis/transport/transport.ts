import type { Clock } from '../../../clock.js';
import type { Silence } from '../../lock-store.js';
import { LOCK_SCRIPT, LOCK_SCRIPT_SHA } from '../protocol/lock-script.js';
import { faultOf, isCrossSlot, isNoScript } from '../protocol/reply-errors.js';
import type { RedisClient } from '../redis-client.js';
import type { Connection } from './connection.js';
import { encodeCall, type CallContext } from './encode-call.js';
import type { Entry } from './entry.js';
import type { Call, Lane } from './lane.js';
import { Lanes } from './lanes.js';
import { SilenceWatch } from './silence-watch.js';

export interface TransportOptions extends CallContext {
  readonly client: RedisClient;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Ms after which a call counts as unanswered. */
  readonly answerTimeout: number;
  /** The server answered with an error. */
  erred(error: Error): void;
}

/**
 * Sends lock operations to Redis: one at a time while few ask, in groups when many do, in order for each
 * owner. While there is no connection they wait here, and who gave up is forgotten.
 */
export class Transport {
  private readonly lanes: Lanes;
  private idle: (() => void)[] = [];
  private readonly watch: SilenceWatch;
  private stopped: Error | undefined;
  /** What is to be done when a call has been answered. */
  private readonly afterwards = new Map<Call, (() => void)[]>();
  /** Lanes with something new in them. */
  private readonly touched = new Set<Lane>();

  constructor(private readonly options: TransportOptions) {
    const { client, clock, connection, answerTimeout } = options;
    this.lanes = new Lanes(client.options.keyPrefix ?? '', client.isCluster === true);
    this.watch = new SilenceWatch(clock, connection, answerTimeout, () => this.lanes.all());
    connection.onReady(() => this.flushAll());
    connection.onEnd((error) => this.failAll(error));
    connection.onRefusal((error) => this.failAll(error));
  }

  /**
   * Takes an entry. It travels at once when few are under way, unless others are likely to follow it
   * and to travel with it; otherwise at the end of this turn of the event loop.
   */
  submit(entry: Entry, isFollowed = false): Entry {
    const { connection } = this.options;
    const ended = this.stopped ?? connection.ended ?? connection.refusal;
    if (ended) {
      process.nextTick(() => {
        if (entry.stage === 'queued') this.abandon(entry, ended);
      });
      return entry;
    }
    connection.open();
    const lane = this.lanes.of(entry.lock);
    const goesAtOnce = !isFollowed && lane.isQuiet;
    lane.queue.push(entry);
    if (goesAtOnce) this.flush(lane);
    else this.flushSoon(lane);
    this.watch.start();
    return entry;
  }

  /** Puts on the wire now what was submitted, instead of at the end of this turn. */
  flushNow(): void {
    for (const lane of this.touched) this.flush(lane);
    this.touched.clear();
  }

  /** Since when Redis owes an answer to what is asked of this lock. */
  silence(lock: string): Silence | undefined {
    const { connection } = this.options;
    const lane = this.lanes.find(lock);
    const since = Math.min(lane?.oldestSentAt ?? Infinity, connection.troubleSince);
    return since < Infinity ? { since, cause: connection.trouble } : undefined;
  }

  /** Resolves when everything submitted has been answered. */
  drained(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Calls `next` when every call that is under way now has been answered. */
  afterAnswers(next: () => void): void {
    const calls = this.lanes.all().flatMap((lane) => [...lane.calls]);
    let left = calls.length;
    if (left === 0) next();
    const one = (): void => {
      left -= 1;
      if (left === 0) next();
    };
    for (const call of calls)
      this.afterwards.set(call, [...(this.afterwards.get(call) ?? []), one]);
  }

  /** All that is queued or under way, as it is now. */
  entries(): Entry[] {
    return this.lanes
      .all()
      .flatMap((lane) => [...[...lane.calls].flatMap((call) => call.entries), ...lane.queue]);
  }

  /** Gives up what is open, and takes no more: during an outage no answer need ever come. */
  stop(reason: Error): void {
    this.stopped = reason;
    this.watch.stop();
    const open = this.entries();
    this.lanes.clear();
    for (const entry of open) this.abandon(entry, reason);
  }

  private get isIdle(): boolean {
    return this.lanes.all().every((lane) => lane.isIdle);
  }

  /** When the callers who run now, or whom a reply has just woken, have said what they want. */
  private flushSoon(lane: Lane): void {
    if (this.touched.size === 0) process.nextTick(() => this.flushNow());
    this.touched.add(lane);
  }

  private flush(lane: Lane): void {
    if (this.options.connection.isReady) {
      for (let group = lane.next(); group.length > 0; group = lane.next()) this.send(lane, group);
    }
    if (!lane.isIdle) return;
    this.lanes.forget(lane);
    if (this.idle.length > 0 && this.isIdle) for (const resolve of this.idle.splice(0)) resolve();
  }

  private flushAll(): void {
    for (const lane of this.lanes.all()) this.flush(lane);
  }

  private send(lane: Lane, entries: readonly Entry[]): void {
    const { client, clock, connection, answerTimeout } = this.options;
    const sent = clock.now();
    const silentAt = sent.mono + answerTimeout;
    const call: Call = { entries, sent, outages: connection.outages, silentAt };
    lane.calls.add(call);
    const keys = entries.length;
    const args = encodeCall(entries, this.options, sent.mono);
    client.evalsha(LOCK_SCRIPT_SHA, keys, ...args).then(
      (reply) => this.answered(lane, call, reply),
      (reason: unknown) => {
        if (!isNoScript(reason)) this.failed(lane, call, reason);
        else {
          client.eval(LOCK_SCRIPT, keys, ...args).then(
            (reply) => this.answered(lane, call, reply),
            (again: unknown) => this.failed(lane, call, again),
          );
        }
      },
    );
  }

  private answered(lane: Lane, call: Call, reply: unknown): void {
    const { connection } = this.options;
    const { entries, sent } = call;
    this.done(lane, call);
    connection.answered();
    if (this.stopped) return;
    const repeated = call.outages !== connection.outages;
    const replies = entries.length > 1 && Array.isArray(reply) ? (reply as unknown[]) : undefined;
    // Text is made a number once for all.
    const said = replies ? replies[entries.length] : reply;
    const usual = typeof said === 'string' ? Number(said) : said;
    for (let i = 0; i < entries.length; i += 1) {
      const entry = entries[i] as Entry;
      let one = usual;
      if (replies && replies[i] !== '') one = replies[i];
      entry.stage = 'answered';
      if (one instanceof Error) this.fault(entry, one);
      else entry.answer.settle(one, sent, repeated);
    }
  }

  private failed(lane: Lane, call: Call, reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const { entries } = call;
    this.done(lane, call);
    if (this.stopped) return;
    if (isCrossSlot(error) && entries.length > 1) {
      this.splitBySlot(lane, entries);
      return;
    }
    for (const entry of entries) {
      entry.stage = 'answered';
      this.fault(entry, error);
    }
  }

  private fault(entry: Entry, error: Error): void {
    const fault = faultOf(error);
    if (fault !== 'lost') this.options.erred(error);
    if (fault === 'refused') {
      entry.answer.refused(error);
    } else {
      this.options.connection.failed(error);
      entry.answer.unanswered(error, true);
    }
  }

  /** The server takes keys of one slot at a time. It has done nothing of the call: all is sent again. */
  private splitBySlot(lane: Lane, entries: readonly Entry[]): void {
    this.lanes.splitBySlot();
    const waiting = lane.queue;
    lane.queue = [];
    for (const entry of [...entries, ...waiting]) {
      if (entry.stage === 'dropped') continue;
      entry.stage = 'queued';
      this.submit(entry);
    }
  }

  private done(lane: Lane, call: Call): void {
    lane.calls.delete(call);
    call.entries = [];
    this.flushSoon(lane);
    const afterwards = this.afterwards.get(call);
    if (!afterwards) return;
    this.afterwards.delete(call);
    process.nextTick(() => {
      for (const next of afterwards) next();
    });
  }

  private failAll(error: Error): void {
    for (const lane of this.lanes.all()) {
      const entries = lane.queue;
      lane.queue = [];
      for (const entry of entries) if (entry.stage === 'queued') this.abandon(entry, error);
    }
  }

  private abandon(entry: Entry, error: Error): void {
    if (entry.stage === 'dropped') return;
    entry.stage = 'answered';
    // A server that does not let the client in has answered.
    if (faultOf(error) === 'refused') this.fault(entry, error);
    else entry.answer.unanswered(error, true);
  }
}
