import type { Clock, Timer } from '../../../clock.js';
import { afterReading } from '../after-reading.js';

/** How often a message is sent to oneself, in ms: a dead connection is found within that. */
const INTERVAL = 1_500;
/** How long it may take, in ms. */
const TIMEOUT = 500;

export const BEAT = 'beat ';

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Sends the message by the connection of the locks, and resolves with how many it reached. */
  publish(message: string): Promise<number>;
  /** Whether anybody depends on the messages now. */
  isWanted(): boolean;
  /** Messages arrive, which was not known before. */
  proved(): void;
  /** The message could not be sent. */
  failed(error: Error): void;
  /** Messages have arrived before, and do not any more. */
  silent(): void;
}

/** Proves again and again that what is sent to this process is counted by the server and arrives. */
export class Heartbeat {
  /** Whether the server of the locks counted the last message as received. */
  isCounted = false;
  /** Whether the last message arrived. */
  isHeard = false;
  private beats = 0;
  private message: string | undefined;
  private lastAt = -Infinity;
  private timer: Timer | undefined;

  constructor(private readonly options: HeartbeatOptions) {}

  /** Somebody depends on messages from now on. */
  start(): void {
    if (this.timer) return;
    if (this.options.clock.mono() - this.lastAt >= INTERVAL) this.beat();
    else this.schedule(INTERVAL, () => this.next());
  }

  /** The connection is new: nothing is proved. */
  restart(): void {
    this.stop();
    this.beat();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.message = undefined;
    this.isCounted = this.isHeard = false;
    this.lastAt = -Infinity;
  }

  heard(message: string): void {
    if (message !== this.message) return;
    this.message = undefined;
    if (this.isHeard) return;
    this.isHeard = true;
    this.options.proved();
  }

  private beat(): void {
    const { clock } = this.options;
    this.beats += 1;
    const message = BEAT + String(this.beats);
    this.message = message;
    this.lastAt = clock.mono();
    this.schedule(TIMEOUT, () => this.judge());
    this.options.publish(message).then(
      (receivers) => this.counted(message, receivers),
      (error: unknown) => {
        // That it was not sent says nothing of the inbox.
        if (this.message === message) this.message = undefined;
        if (error instanceof Error) this.options.failed(error);
      },
    );
  }

  private counted(message: string, receivers: number): void {
    if (message !== BEAT + String(this.beats)) return;
    const wasCounted = this.isCounted;
    this.isCounted = receivers > 0;
    if (wasCounted && !this.isCounted) this.options.silent();
    else if (!wasCounted && this.isCounted && this.isHeard) this.options.proved();
  }

  private judge(): void {
    const isLate = this.message !== undefined;
    if (isLate && this.isHeard) {
      this.options.silent();
      return;
    }
    this.schedule(INTERVAL - TIMEOUT, () => this.next());
  }

  private next(): void {
    this.timer = undefined;
    if (this.options.isWanted()) this.beat();
  }

  private schedule(delay: number, work: () => void): void {
    this.timer?.cancel();
    this.timer = afterReading(this.options.clock, delay, work);
  }
}
