import type { LockMode } from '../../lib/stores/lock-mode.js';

/** Which of the two processes does it. */
export type Side = 0 | 1;

/**
 * Between which two moments something happens. A server lets a lease end when somebody asks, so the
 * next holder's lease begins a little later there than in memory: both are right.
 */
export interface Span {
  readonly early: number;
  readonly late: number;
}

/** Time never stops so near to the end of a lease, in ms: a waiter asks within three seconds. */
export const CLEAR = 4_000;

/** One acquisition, or one taking over, and what becomes of it. */
export interface ModelRequest {
  readonly id: number;
  readonly side: Side;
  readonly key: string;
  readonly mode: LockMode;
  readonly leaseTime: number;
  state: 'waiting' | 'holding' | 'over';
  /** What its listener is told: `granted`, `refused`, `LIMIT 3 5`; nothing while it waits, or when it left. */
  answer: string | undefined;
  /** Set when all that was under way has arrived: it was asked for, or told, in an earlier turn. */
  isAsked: boolean;
  isTold: boolean;
  /** What its owner has done with the grant in this turn: a store orders what it does, not what others do meanwhile. */
  done: 'extended' | 'more' | undefined;
  /** While it holds: when its lease ends. */
  until: Span;
}

/** What has become of a grant, in the order in which it happened. */
export interface ModelEvent {
  /** `returned` names the last token that was used, `lost` does not. */
  readonly what: 'granted' | 'returned' | 'lost';
  readonly request: ModelRequest;
}

interface ModelKey {
  holders: ModelRequest[];
  queue: ModelRequest[];
  limit: number | undefined;
}

/** What `inspect` is to say of a key. */
export interface ModelView {
  readonly holders: readonly ModelRequest[];
  readonly waiting: number;
}

/**
 * What a `LockStore` does, told once more, without regard to how: for each key those who hold, and
 * one queue in order of arrival for all modes. It knows nothing of tokens but what ends a grant.
 */
export class LockModel {
  now = 0;
  readonly requests: ModelRequest[] = [];
  private readonly keys = new Map<string, ModelKey>();
  private events: ModelEvent[] = [];

  acquire(side: Side, key: string, mode: LockMode, leaseTime: number, wait: boolean): ModelRequest {
    const request = this.newRequest(side, key, mode, leaseTime);
    const { holders, queue, limit } = this.at(key);
    if (mode.kind === 'limited' && limit !== undefined && limit !== mode.limit) {
      end(request, `LIMIT ${limit} ${mode.limit}`);
    } else if (wait || (queue.length === 0 && goTogether([...holders, request]))) {
      queue.push(request);
      this.noteLimit(request);
      this.admit(key);
    } else {
      end(request, 'refused');
    }
    return request;
  }

  /** It was not told anything yet: what it has by now goes back. */
  leave(request: ModelRequest): void {
    const { key } = request;
    const { holders, queue } = this.at(key);
    this.at(key).queue = queue.filter((other) => other !== request);
    this.at(key).holders = holders.filter((other) => other !== request);
    if (request.state === 'holding') this.note('lost', request);
    end(request, undefined);
    this.admit(key);
  }

  /** @returns whether it held the lock */
  extend(request: ModelRequest, leaseTime: number): boolean {
    request.done = 'extended';
    if (request.state !== 'holding') return false;
    request.until = { early: this.now + leaseTime, late: this.now + leaseTime };
    return true;
  }

  /** @returns whether it held the lock */
  release(request: ModelRequest, keepFor: number): boolean {
    const isHeld = keepFor > 0 ? this.extend(request, keepFor) : request.state === 'holding';
    request.done = 'more';
    if (keepFor > 0 || !isHeld) return isHeld;
    this.drop(request, 'returned');
    this.admit(request.key);
    return true;
  }

  /** @returns who goes on with the lock; undefined when it was not held */
  succeed(
    from: ModelRequest,
    side: Side,
    mode: LockMode,
    leaseTime: number,
  ): ModelRequest | undefined {
    from.done = 'more';
    if (from.state !== 'holding') return undefined;
    this.drop(from, 'returned');
    const heir = this.newRequest(side, from.key, mode, leaseTime);
    this.grant(heir, { early: this.now, late: this.now });
    this.admit(from.key);
    return heir;
  }

  /** @returns whether anybody held the key */
  forceRelease(key: string): boolean {
    const { holders } = this.at(key);
    for (const holder of holders) this.drop(holder, 'lost');
    this.admit(key);
    return holders.length > 0;
  }

  /**
   * Lets time pass, from one end of a lease to the next, and at least so long. What is taken from it has
   * happened in the model already.
   */
  *pass(ms: number): Generator<number, void> {
    const target = this.now + ms;
    while (this.now < target) {
      const stop = this.nextStop(target);
      const passed = stop - this.now;
      this.now = stop;
      for (const key of this.keys.keys()) this.endLeases(key);
      yield passed;
    }
  }

  /** All that was under way has arrived. */
  settle(): void {
    for (const request of this.requests) {
      request.isAsked = true;
      request.isTold = request.answer !== undefined;
      request.done = undefined;
    }
  }

  view(key: string): ModelView {
    const { holders, queue } = this.at(key);
    return { holders, waiting: queue.length };
  }

  /** What has happened since it was asked last. */
  takeEvents(): ModelEvent[] {
    const { events } = this;
    this.events = [];
    return events;
  }

  private at(key: string): ModelKey {
    let found = this.keys.get(key);
    if (!found) this.keys.set(key, (found = { holders: [], queue: [], limit: undefined }));
    return found;
  }

  private newRequest(side: Side, key: string, mode: LockMode, leaseTime: number): ModelRequest {
    const id = this.requests.length;
    const until = { early: 0, late: 0 };
    const request: ModelRequest = {
      ...{ id, side, key, mode, leaseTime, until },
      ...{ state: 'waiting', answer: undefined, isAsked: false, isTold: false, done: undefined },
    };
    this.requests.push(request);
    return request;
  }

  /** The first who names a limit names it for all, until the key is free. */
  private noteLimit({ key, mode }: ModelRequest): void {
    if (mode.kind === 'limited') this.at(key).limit = mode.limit;
  }

  /** Nobody passes the first who waits. */
  private admit(key: string, when: Span = { early: this.now, late: this.now }): void {
    const { holders, queue } = this.at(key);
    for (let head = queue[0]; head && goTogether([...holders, head]); head = queue[0]) {
      queue.shift();
      this.grant(head, when);
    }
    if (holders.length === 0) this.at(key).limit = undefined;
  }

  private grant(request: ModelRequest, when: Span): void {
    request.state = 'holding';
    request.answer = 'granted';
    const { early, late } = when;
    request.until = { early: early + request.leaseTime, late: late + request.leaseTime };
    this.at(request.key).holders.push(request);
    this.noteLimit(request);
    this.note('granted', request);
  }

  private drop(holder: ModelRequest, what: 'returned' | 'lost'): void {
    const key = this.at(holder.key);
    key.holders = key.holders.filter((other) => other !== holder);
    holder.state = 'over';
    this.note(what, holder);
  }

  private note(what: ModelEvent['what'], request: ModelRequest): void {
    this.events.push({ what, request });
  }

  private endLeases(key: string): void {
    const ended = this.at(key).holders.filter(({ until }) => until.late <= this.now);
    if (ended.length === 0) return;
    for (const holder of ended) this.drop(holder, 'lost');
    const early = Math.min(...ended.map(({ until }) => until.early));
    this.admit(key, { early, late: this.now });
  }

  /** Where each lease has certainly ended, or certainly not. */
  private nextStop(target: number): number {
    const spans = [...this.keys.values()]
      .flatMap(({ holders }) => holders.map(({ until }) => until))
      .sort((one, other) => one.early - other.early);
    let stop = target;
    let isEnd = false;
    for (const { early, late } of spans) {
      if (early - CLEAR > stop) break;
      // The first end is where to stop; those too near to it are passed together with it.
      stop = isEnd ? Math.max(stop, late + CLEAR) : late + CLEAR;
      isEnd = true;
    }
    return stop;
  }
}

function end(request: ModelRequest, answer: string | undefined): void {
  request.state = 'over';
  request.answer = answer;
}

/** Whether all of these may hold a key at the same time. */
function goTogether(holders: readonly ModelRequest[]): boolean {
  if (holders.length < 2) return true;
  const modes = holders.map(({ mode }) => mode);
  if (modes.every(({ kind }) => kind === 'shared')) return true;
  let out = 0;
  let most = Infinity;
  for (const mode of modes) {
    if (mode.kind !== 'limited') return false;
    out += mode.permits;
    most = Math.min(most, mode.limit);
  }
  return out <= most;
}
