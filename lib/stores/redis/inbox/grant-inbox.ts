import type { Clock } from '../../../clock.js';
import type { StoreLog } from '../../store-log.js';
import { grantNotice, type GrantNotice } from '../protocol/lock-reply.js';
import { isNoPermission } from '../protocol/reply-errors.js';
import { isCluster, type RedisClient } from '../redis-client.js';
import { BEAT, Heartbeat } from './heartbeat.js';

export interface GrantInboxOptions {
  readonly client: RedisClient;
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly channel: string;
  /** Whether somebody waits for messages. */
  isWanted(): boolean;
  /** A waiter of this process was granted its lock. */
  deliver(notice: GrantNotice): void;
  /** The inbox has opened, or opened again: what was told meanwhile did not arrive. */
  opened(): void;
  /** It hears nothing for now: who waits is to say so, before it is passed over. */
  lost(): void;
}

/**
 * Where this process hears of grants: one subscriber connection and one channel for all keys,
 * opened at the first contention. While somebody waits it sends itself a message every few seconds:
 * only while those are counted and arrive may silence on the channel be taken for absence.
 */
export class GrantInbox {
  /** How often the inbox has opened; grants are only dated by what was asked since. */
  openings = 0;
  private subscriber: RedisClient | undefined;
  private readonly heartbeat: Heartbeat;
  /** Told once for each connection, not once for each try. */
  private toldRefusal = false;

  constructor(private readonly options: GrantInboxOptions) {
    const { client, clock, channel } = options;
    this.heartbeat = new Heartbeat({
      clock,
      publish: (message) => client.publish(channel, message),
      isWanted: () => this.subscriber !== undefined && options.isWanted(),
      proved: () => options.opened(),
      failed: (error) => this.publishFailed(error),
      silent: () => this.silent(),
    });
  }

  /** Whether the server counts this inbox: then a count of 0 means that this process is gone. */
  get isCounted(): boolean {
    // A node of a Cluster counts its own subscribers only.
    return this.heartbeat.isCounted && !isCluster(this.options.client);
  }

  /** Whether messages are known to arrive. */
  get isHeard(): boolean {
    return this.heartbeat.isHeard;
  }

  /** Somebody waits from now on. */
  wanted(): void {
    if (this.subscriber) this.heartbeat.start();
    else this.open();
  }

  /** Leaves the connection, which may lead nowhere or to another server than that of the locks. */
  reopen(): void {
    if (!this.subscriber) return;
    this.close();
    this.toldRefusal = false;
    if (this.options.isWanted()) this.open();
  }

  close(): void {
    const { subscriber } = this;
    this.subscriber = undefined;
    this.heartbeat.stop();
    subscriber?.disconnect();
  }

  /** The connection has ended, perhaps for the length of a reconnect. */
  private cut(): void {
    const wasCounted = this.heartbeat.isCounted;
    this.heartbeat.stop();
    if (wasCounted) this.options.lost();
  }

  private silent(): void {
    this.reopen();
    this.options.lost();
  }

  private open(): void {
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
    const subscriber = isCluster(client)
      ? client.duplicate([], { keyPrefix: '' })
      : client.duplicate(override);
    this.subscriber = subscriber;
    const ifCurrent = (work: () => void) => () => {
      if (this.subscriber === subscriber) work();
    };
    subscriber.on('error', () => undefined);
    subscriber.on(
      'close',
      ifCurrent(() => this.cut()),
    );
    subscriber.on(
      'ready',
      ifCurrent(() => this.subscribe(subscriber)),
    );
    subscriber.on('message', (_channel: string, message: string) => {
      if (this.subscriber === subscriber) this.receive(message);
    });
  }

  private subscribe(subscriber: RedisClient): void {
    subscriber.subscribe(this.options.channel).then(
      () => {
        if (this.subscriber !== subscriber) return;
        this.openings += 1;
        this.heartbeat.restart();
        this.options.opened();
      },
      (error: unknown) => {
        // A broken connection becomes ready again. Until then the waiters' own clocks serve.
        if (isNoPermission(error)) this.refusal(error, 'subscribe');
      },
    );
  }

  private publishFailed(error: Error): void {
    if (isNoPermission(error)) this.refusal(error, 'publish');
  }

  private refusal(error: Error, command: string): void {
    if (this.toldRefusal) return;
    this.toldRefusal = true;
    this.options.log.warn(
      `Redis lets this user not ${command} on ${this.options.channel}: locks work, but who waits hears of a release only by asking; allow it with the ACL rules &nest-locked:inbox:* +subscribe +publish +pubsub|numsub (${error.message})`,
    );
  }

  private receive(message: string): void {
    if (message.startsWith(BEAT)) this.heartbeat.heard(message);
    else this.options.deliver(grantNotice(message));
  }
}
