import type { Socket } from 'node:net';
import { moment } from '../moment.js';

export type LinkKind = 'command' | 'subscriber';
/** What a dead connection does not carry: anything, or anything that the server says. */
export type Direction = 'both' | 'down';

/** A subscriber names itself in its handshake, or subscribes. */
const SUBSCRIBER = /\r\n(?:nest-locked-inbox|[sp]?subscribe)\r\n/i;

/** One connection through the proxy. */
export class Link {
  kind: LinkKind = 'command';
  onEnd: (() => void) | undefined;
  /** It has turned out to be a subscriber's. */
  onKind: (() => void) | undefined;
  private dead: Direction | undefined;
  private swallowing: number | undefined;
  private cutTimer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    latency: { up: () => number; down: () => number },
  ) {
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // What is wrong with a socket is told by its close.
      socket.on('error', () => undefined);
      socket.on('close', () => this.closed());
    }
    const up = pipe(latency.up, (chunk) => this.server.write(chunk));
    const down = pipe(latency.down, (chunk) => this.client.write(chunk));
    client.on('data', (chunk: Buffer) => {
      if (this.kind === 'command' && SUBSCRIBER.test(chunk.toString('latin1'))) {
        this.kind = 'subscriber';
        this.onKind?.();
      }
      if (this.dead !== 'both') up(chunk);
    });
    server.on('data', (chunk: Buffer) => {
      if (this.dead) return;
      if (this.swallowing === undefined) down(chunk);
      else this.cutTimer ??= setTimeout(() => this.destroy(), this.swallowing);
    });
  }

  /** What Redis says from now on is lost, and `ms` after its first word so is the connection. */
  swallowReplies(ms: number): void {
    this.swallowing ??= ms;
  }

  /** As if a cable had been pulled: neither side hears of it. */
  silence(direction: Direction): void {
    this.dead = direction;
  }

  get silent(): boolean {
    return this.dead !== undefined;
  }

  destroy(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.cutTimer);
    this.client.destroy();
    this.server.destroy();
    this.onEnd?.();
  }

  /** Over a pulled cable nobody hears of the other's end either. */
  private closed(): void {
    if (!this.silent) this.destroy();
  }
}

/** Hands chunks on in order, each after its latency. */
function pipe(latency: () => number, write: (chunk: Buffer) => void): (chunk: Buffer) => void {
  const queue: { chunk: Buffer; due: number }[] = [];
  const flush = (): void => {
    while (queue.length > 0 && queue[0]!.due <= moment()) write(queue.shift()!.chunk);
    if (queue.length > 0) setTimeout(flush, queue[0]!.due - moment());
  };
  return (chunk) => {
    const due = Math.max(queue.at(-1)?.due ?? 0, moment() + latency());
    queue.push({ chunk, due });
    if (queue.length === 1) flush();
  };
}
