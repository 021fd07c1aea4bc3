import type { Clock, Instant, Timer } from '../../clock.js';
import { LOCK_SCRIPT, LOCK_SCRIPT_SHA, type Operation } from './lock-script.js';
import type { RedisClient } from './redis-client.js';

/** One lock operation on its way to Redis. */
export interface Entry {
  readonly operation: Operation;
  /** The lock's key, as the client is to name it. */
  readonly lock: string;
  /** The line's name, where it is not the usual one. */
  readonly line: string | undefined;
  /** What follows the process in the owner's id. */
  readonly owner: string;
  readonly leaseTime: number;
  /** The fourth argument of the script for this operation. */
  readonly detail: number;
  /** Where it is; one that is dropped while it is queued is never sent. */
  stage: 'queued' | 'sent' | 'dropped';
  /** Who asked. */
  readonly answer: Answer;
}

/** Who asked Redis something, and is told. */
export interface Answer {
  /** The reply, the moment before it was asked for, and whether it may have been asked for twice. */
  settle(reply: unknown, sent: Instant, repeated: boolean): void;
  /**
   * No answer. `final` when none will come: an error. Otherwise Redis is silent, this may be called
   * again, and a late reply still reaches `settle`.
   */
  fail(error: Error, final: boolean): void;
}

export interface GroupCommitOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly process: string;
  /** Ms after which a call counts as unanswered. */
  readonly answerTimeout: number;
  /** Keys of one lane travel together: all of them, or, on a Cluster, those of one slot. */
  readonly laneOf: (lock: string) => number;
}

/** How many entries a call carries at most, so that no call keeps Redis from others for long. */
const MOST_ENTRIES = 128;
/**
 * A larger group than this travels in halves, one behind the other: while Redis works on the second,
 * the replies to the first are dealt with here.
 */
const WHOLE_GROUP = 32;
/** How many calls of a lane are under way at most; what comes meanwhile gathers for the next. */
const MOST_CALLS = 4;

/** After these events of a client, single or Cluster, what was under way is sent again. */
const OUTAGES = ['close', 'node error', '-node'];

/** One script call under way. */
interface Call {
  readonly entries: readonly Entry[];
  /** When its silence is to be told next, on the monotonic clock. */
  silentAt: number;
  /** Who waits for it to be answered. */
  readonly afterwards: (() => void)[];
}

interface Lane {
  readonly id: number;
  queue: Entry[];
  readonly calls: Set<Call>;
}

/**
 * Sends lock operations in groups: all that is asked in one tick, or while enough calls are under
 * way, travels as one script call, in order. Nothing waits when nothing is under way.
 */
export class GroupCommit {
  /** How often the connection was lost: what was under way then may have been sent twice. */
  outages = 0;
  private readonly lanes = new Map<number, Lane>();
  private idle: (() => void)[] = [];
  private silence: Timer | undefined;

  constructor(private readonly options: GroupCommitOptions) {
    for (const event of OUTAGES) options.client.on(event, this.onOutage);
  }

  submit(entry: Entry): void {
    const id = this.options.laneOf(entry.lock);
    let lane = this.lanes.get(id);
    if (!lane) {
      lane = { id, queue: [], calls: new Set() };
      this.lanes.set(id, lane);
    }
    if (lane.queue.length === 0) this.flushSoon(lane);
    lane.queue.push(entry);
  }

  /** Resolves when everything submitted has been answered. */
  drained(): Promise<void> {
    if (this.lanes.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Resolves when every call that is under way now has been answered. */
  async answered(): Promise<void> {
    const calls = [...this.lanes.values()].flatMap((lane) => [...lane.calls]);
    await Promise.all(
      calls.map((call) => new Promise<void>((resolve) => call.afterwards.push(resolve))),
    );
  }

  /** Forgets what is open: during an outage no answer need ever come. */
  stop(): void {
    this.silence?.cancel();
    this.lanes.clear();
    for (const event of OUTAGES) this.options.client.off(event, this.onOutage);
  }

  private readonly onOutage = (): void => {
    this.outages += 1;
  };

  /** When the callers who run now, or whom a reply has just woken, have said what they want. */
  private flushSoon(lane: Lane): void {
    process.nextTick(() => this.flush(lane));
  }

  private flush(lane: Lane): void {
    while (lane.queue.length > 0 && lane.calls.size < MOST_CALLS) {
      const entries = this.take(lane);
      if (entries.length > 0) this.send(lane, entries);
    }
    if (lane.queue.length > 0 || lane.calls.size > 0) return;
    this.lanes.delete(lane.id);
    if (this.lanes.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** The next entries of the queue that are still wanted. */
  private take(lane: Lane): Entry[] {
    const half = Math.ceil(lane.queue.length / 2);
    const most = Math.min(MOST_ENTRIES, Math.max(WHOLE_GROUP, half));
    const entries: Entry[] = [];
    let taken = 0;
    for (const entry of lane.queue) {
      if (entries.length === most) break;
      taken += 1;
      if (entry.stage === 'dropped') continue;
      entry.stage = 'sent';
      entries.push(entry);
    }
    lane.queue = taken === lane.queue.length ? [] : lane.queue.slice(taken);
    return entries;
  }

  private send(lane: Lane, entries: Entry[]): void {
    const { client, clock, answerTimeout } = this.options;
    const sent = clock.now();
    const { outages } = this;
    const call: Call = { entries, silentAt: sent.mono + answerTimeout, afterwards: [] };
    lane.calls.add(call);
    this.silence ??= this.watchSilence(answerTimeout);
    const keys = entries.length;
    const args = this.encode(entries);
    const answered = (reply: unknown): void => {
      deliver(entries, reply, sent, outages !== this.outages);
      this.done(lane, call);
    };
    const failed = (reason: unknown): void => {
      const error = reason instanceof Error ? reason : new Error(String(reason));
      for (const { answer } of entries) answer.fail(error, true);
      this.done(lane, call);
    };
    client.evalsha(LOCK_SCRIPT_SHA, keys, ...args).then(answered, (reason: unknown) => {
      if (!isNoScript(reason)) failed(reason);
      else client.eval(LOCK_SCRIPT, keys, ...args).then(answered, failed);
    });
  }

  private done(lane: Lane, call: Call): void {
    lane.calls.delete(call);
    for (const resolve of call.afterwards) resolve();
    this.flushSoon(lane);
  }

  private encode(entries: Entry[]): string[] {
    const keys: string[] = [];
    const words: (string | number)[] = [];
    const lines: string[] = [];
    for (const { operation, lock, line, owner, leaseTime, detail } of entries) {
      keys.push(lock);
      const lineAt = line === undefined ? 0 : 2 + lines.push(line);
      words.push(operation.charAt(0), owner, leaseTime, detail, lineAt);
    }
    keys.push(this.options.process, words.join(' '), ...lines);
    return keys;
  }

  /**
   * Tells all who wait behind a silent call, again and again, that Redis does not answer. The timer
   * is not set anew for every call: it fires now and then, and mostly finds nothing to tell.
   */
  private watchSilence(delay: number): Timer {
    return this.options.clock.after(
      delay,
      () => {
        const now = this.options.clock.mono();
        let next = Infinity;
        for (const lane of this.lanes.values()) {
          for (const call of lane.calls) {
            if (call.silentAt <= now) this.tellSilence(lane, call, now);
            next = Math.min(next, call.silentAt);
          }
        }
        this.silence = next < Infinity ? this.watchSilence(Math.ceil(next - now)) : undefined;
      },
      true,
    );
  }

  private tellSilence(lane: Lane, call: Call, now: number): void {
    const { answerTimeout } = this.options;
    call.silentAt = now + answerTimeout;
    const error = new Error(`Redis has not answered for ${answerTimeout} ms`);
    for (const { answer } of [...call.entries, ...lane.queue]) answer.fail(error, false);
  }
}

/** The reply to one entry is not wrapped up. */
function deliver(entries: Entry[], reply: unknown, sent: Instant, repeated: boolean): void {
  const replies = entries.length === 1 ? [reply] : (reply as unknown[]);
  for (let i = 0; i < entries.length; i += 1) {
    const { answer } = entries[i] as Entry;
    const one = replies[i];
    if (one instanceof Error) answer.fail(one, true);
    else answer.settle(one, sent, repeated);
  }
}

function isNoScript(reason: unknown): boolean {
  return reason instanceof Error && reason.message.startsWith('NOSCRIPT');
}
