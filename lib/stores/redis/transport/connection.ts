import type { Clock } from '../../../clock.js';
import { faultOf } from '../protocol/reply-errors.js';
import { isCluster, type RedisClient, type RedisClusterClient } from '../redis-client.js';

/** After these events of a client, single or Cluster, what was under way is sent again. */
const LOSSES = ['close', 'node error', '-node'];

/** A connection of ours that carries nothing is replaced after this, in ms, when an answer is waited for. */
const REPLACE_AFTER = 3_000;

/**
 * How it stands with the client's connection, whoever made the client: whether commands can be sent,
 * since when they are not answered, and why.
 */
export class Connection {
  /** How often the connection was lost: what was under way then may have been sent twice. */
  outages = 0;
  /** Since when nothing can be answered, on the monotonic clock; `Infinity` while all is well. */
  troubleSince = Infinity;
  /** The last error of the connection in this trouble. */
  trouble: Error | undefined;
  /** Set when the client was closed for good. */
  ended: Error | undefined;
  /** Set while the server lets the client not in, such as for a wrong password. */
  refusal: Error | undefined;

  private lastError: Error | undefined;
  /** Of a Cluster: which slots are whose. */
  private masters: string | undefined;
  private replacedAt = -Infinity;
  /** Whether this connection is being left already: each time would cost a timer and a listener. */
  private isLeaving = false;
  private readonly readyListeners: (() => void)[] = [];
  private readonly endListeners: ((error: Error) => void)[] = [];
  private readonly refusalListeners: ((error: Error) => void)[] = [];
  private readonly handlers: readonly (readonly [string, (...args: unknown[]) => void])[];

  constructor(
    private readonly client: RedisClient,
    private readonly clock: Clock,
    /** Whether the client is ours to reconnect. */
    private readonly isOwned: boolean,
  ) {
    this.handlers = [
      ...LOSSES.map((event) => [event, () => this.lost()] as const),
      ['ready', () => this.ready()],
      ['+node', () => this.ready()],
      ['refresh', () => this.refreshed()],
      ['error', (error) => this.erred(error)],
      ['end', () => this.end()],
    ];
    for (const [event, handler] of this.handlers) client.on(event, handler);
    // One that waits to be used is in no trouble.
    if (client.status !== 'ready' && client.status !== 'wait') this.begin(clock.mono());
    if (client.status === 'end') this.end();
  }

  /** Whether what is sent now goes out, instead of into a queue of the client. */
  get isReady(): boolean {
    return this.client.status === 'ready';
  }

  /** Makes a client connect that waits to be used. */
  open(): void {
    if (this.client.status !== 'wait') return;
    this.begin(this.clock.mono());
    // What goes wrong comes as an 'error' event too.
    this.client.connect().catch(() => undefined);
  }

  onReady(listener: () => void): void {
    this.readyListeners.push(listener);
  }

  onEnd(listener: (error: Error) => void): void {
    this.endListeners.push(listener);
  }

  onRefusal(listener: (error: Error) => void): void {
    this.refusalListeners.push(listener);
  }

  /** A call was answered: the trouble, if there was one, is over. */
  answered(): void {
    if (this.troubleSince === Infinity) return;
    this.troubleSince = Infinity;
    this.trouble = undefined;
  }

  /** The server could not serve. */
  failed(error: Error): void {
    this.begin(this.clock.mono());
    this.trouble = this.lastError ?? error;
  }

  /**
   * Looks whether the connection is worth keeping: nothing else would notice a dead one for a quarter
   * of an hour.
   * @param oldest when the oldest call under way was sent, on the monotonic clock
   */
  check(now: number, oldest = Infinity): void {
    const since = Math.max(Math.min(oldest, this.troubleSince), this.replacedAt);
    const { status } = this.client;
    // While it is being made, the client has limits of its own.
    if (now - since >= REPLACE_AFTER && (status === 'ready' || status === 'connect'))
      this.replace();
  }

  /** Leaves this server for the one that the client's options lead to now. */
  replace(): void {
    if (!this.isOwned) return;
    this.replacedAt = this.clock.mono();
    if (this.isLeaving) return;
    this.isLeaving = true;
    this.client.disconnect(true);
  }

  stop(): void {
    for (const [event, handler] of this.handlers) this.client.off(event, handler);
  }

  private begin(at: number): void {
    if (this.troubleSince === Infinity) this.troubleSince = at;
  }

  private lost(): void {
    this.isLeaving = false;
    this.outages += 1;
    this.begin(this.clock.mono());
    this.trouble ??= this.lastError ?? new Error('the connection to Redis was lost');
  }

  private ready(): void {
    this.isLeaving = false;
    this.ended = this.refusal = undefined;
    this.lastError = undefined;
    this.answered();
    for (const listener of this.readyListeners) listener();
  }

  /** A Cluster has told anew who serves what, as it does after MOVED: another master may know less. */
  private refreshed(): void {
    if (!isCluster(this.client)) return;
    const before = this.masters;
    this.masters = mastersOf(this.client.slots);
    if (before !== undefined && before !== this.masters) this.ready();
  }

  private erred(error: unknown): void {
    if (!(error instanceof Error)) return;
    this.lastError = error;
    if (this.troubleSince < Infinity) this.trouble = error;
    this.refusal = !this.isReady && faultOf(error) === 'refused' ? error : undefined;
    if (this.refusal) for (const listener of this.refusalListeners) listener(error);
  }

  private end(): void {
    const why = this.lastError ? `: ${this.lastError.message}` : '';
    this.ended = new Error(`the client was closed${why}`, { cause: this.lastError });
    this.lost();
    for (const listener of this.endListeners) listener(this.ended);
  }
}

/** Where a master's slots begin, and who it is. */
function mastersOf(slots: RedisClusterClient['slots']): string {
  const begins = slots.flatMap((nodes, slot) =>
    nodes?.[0] === slots[slot - 1]?.[0] ? [] : [`${slot} ${nodes?.[0]}`],
  );
  return begins.join(', ');
}
