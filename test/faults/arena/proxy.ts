import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Link, type Direction, type LinkKind } from './link.js';

export type Target = LinkKind | 'both';

/** Between one worker and Redis. All trouble of a network is made here. */
export class Proxy {
  private readonly links = new Set<Link>();
  private swallowNew: { target: Target; direction: Direction } | undefined;
  private latency: (() => number) | undefined;
  private repliesOnly = false;

  private constructor(
    private readonly server: Server,
    private readonly upstream: () => number,
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  /** @param upstream the port of Redis, asked for at every connection */
  static open(upstream: () => number): Promise<Proxy> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new Proxy(server, upstream)));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Delays every chunk, in order: what Redis says and, unless it is `repliesOnly`, what it is told. */
  delay(latency: () => number, repliesOnly = false): void {
    this.latency = latency;
    this.repliesOnly = repliesOnly;
  }

  /** Ends connections on both sides. */
  cut(target: Target): number {
    return this.each(target, (link) => link.destroy());
  }

  /**
   * Commands still arrive and are executed, their replies are lost; `ms` after the first lost one
   * the connection is cut.
   */
  swallowReplies(target: Target, ms: number): number {
    return this.each(target, (link) => link.swallowReplies(ms));
  }

  /**
   * Connections stay open on both sides and carry nothing any more, or nothing that Redis says; with
   * `newOnes` those to come are no better. `heal()` ends them.
   */
  halfOpen(target: Target, newOnes: boolean, direction: Direction = 'both'): number {
    if (newOnes) this.swallowNew = { target, direction };
    return this.each(target, (link) => link.silence(direction));
  }

  /** How many connections of subscribers there are that carry something. */
  get hearing(): number {
    return [...this.links].filter((link) => link.kind === 'subscriber' && !link.silent).length;
  }

  heal(): void {
    this.latency = undefined;
    this.swallowNew = undefined;
    for (const link of [...this.links]) if (link.silent) link.destroy();
  }

  close(): void {
    this.server.close();
    this.cut('both');
  }

  private each(target: Target, act: (link: Link) => void): number {
    const chosen = [...this.links].filter((link) => target === 'both' || link.kind === target);
    chosen.forEach(act);
    return chosen.length;
  }

  private accept(client: Socket): void {
    const server = connect(this.upstream(), '127.0.0.1');
    const link = new Link(client, server, {
      up: () => (this.repliesOnly ? 0 : (this.latency?.() ?? 0)),
      down: () => this.latency?.() ?? 0,
    });
    this.links.add(link);
    link.onEnd = () => this.links.delete(link);
    link.onKind = () => this.swallow(link);
    this.swallow(link);
  }

  /** A new one of the kind that is to carry nothing. */
  private swallow(link: Link): void {
    if (!this.swallowNew) return;
    const { target, direction } = this.swallowNew;
    if (target === 'both' || link.kind === target) link.silence(direction);
  }
}
