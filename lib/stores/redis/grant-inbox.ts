import type { Clock, Timer } from '../../clock.js';
import type { RedisClient } from './redis-client.js';

/** A grant as it was told: which waiter, its token, when (server time in µs), and for how long. */
export interface GrantNotice {
  readonly owner: string;
  readonly token: number;
  readonly now: number;
  readonly claim: number;
}

export interface GrantInboxOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly channel: string;
  /** A waiter of this process was granted its lock. */
  deliver(notice: GrantNotice): void;
  /** The inbox has opened, or opened again: what was told meanwhile did not arrive. */
  opened(): void;
}

/** How long a message to oneself may take before messages count as not arriving, in ms. */
const PROOF_TIMEOUT = 2_000;
const PROOF = 'proof ';

/**
 * Where this process hears of grants: one subscriber connection and one channel for all keys,
 * opened at the first contention. Each time it opens it sends itself a message: only when that is
 * counted and arrives may silence on this channel be taken for absence.
 */
export class GrantInbox {
  /** Whether a message to this process is known to be counted and to arrive. */
  proved = false;
  /** How often the inbox has opened; grants are only dated by what was asked since. */
  openings = 0;
  private subscriber: RedisClient | undefined;
  private proof: { readonly message: string; counted: boolean; arrived: boolean } | undefined;
  private proofTimer: Timer | undefined;

  constructor(private readonly options: GrantInboxOptions) {}

  open(): void {
    if (this.subscriber) return;
    const { client } = this.options;
    // Channels are not keys, and a subscription must come back by itself, whatever the user chose.
    const override = {
      keyPrefix: '',
      lazyConnect: false,
      autoResubscribe: false,
      enableOfflineQueue: true,
      maxRetriesPerRequest: null,
      connectionName: 'nest-locked-inbox',
    };
    const subscriber = client.isCluster
      ? client.duplicate([], { keyPrefix: '' })
      : client.duplicate(override);
    this.subscriber = subscriber;
    subscriber.on('error', () => undefined);
    subscriber.on('close', () => (this.proved = false));
    subscriber.on('ready', () => this.subscribe(subscriber));
    subscriber.on('message', (_channel: string, message: string) => this.receive(message));
  }

  close(): void {
    this.proofTimer?.cancel();
    this.subscriber?.disconnect();
    this.subscriber = undefined;
  }

  private subscribe(subscriber: RedisClient): void {
    subscriber.subscribe(this.options.channel).then(
      () => {
        this.openings += 1;
        this.prove();
        this.options.opened();
      },
      // The connection broke: it becomes ready again. Until then the waiters' own clocks serve.
      () => undefined,
    );
  }

  /** Messages of a Cluster are counted on one node only, so that its counts prove nothing. */
  private prove(): void {
    const { client, clock, channel } = this.options;
    if (client.isCluster) return;
    const proof = { message: PROOF + String(this.openings), counted: false, arrived: false };
    this.proof = proof;
    this.proofTimer?.cancel();
    this.proofTimer = clock.after(PROOF_TIMEOUT, () => (this.proof = undefined), true);
    client.publish(channel, proof.message).then(
      (receivers) => {
        proof.counted = receivers > 0;
        this.judge(proof);
      },
      () => undefined,
    );
  }

  private judge(proof: { counted: boolean; arrived: boolean }): void {
    if (proof !== this.proof || !proof.counted || !proof.arrived) return;
    this.proofTimer?.cancel();
    this.proved = true;
    this.options.opened();
  }

  private receive(message: string): void {
    if (message.startsWith(PROOF)) {
      if (message !== this.proof?.message) return;
      this.proof.arrived = true;
      this.judge(this.proof);
      return;
    }
    const [owner = '', token, now, claim] = message.split(' ');
    this.options.deliver({ owner, token: Number(token), now: Number(now), claim: Number(claim) });
  }
}
