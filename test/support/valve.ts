import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which connections: those of commands, those of a store's inbox, or both. */
export type Which = 'commands' | 'inbox' | 'all';
/** `up` is what a client says, `down` what the server says. */
export type Way = 'up' | 'down';

/** A store's inbox names itself in its handshake. */
const INBOX = /\r\n(?:nest-locked-inbox|subscribe)\r\n/i;

/** A proxy in front of a server that lets bytes through, or keeps them until it is told to. */
export class Valve {
  private readonly pipes = new Set<Pipe>();
  private readonly shut = new Map<Way, Which>();

  private constructor(
    private readonly server: Server,
    private readonly upstream: () => number,
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  /** @param upstream the port of the server, asked for at every connection */
  static start(upstream: () => number): Promise<Valve> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new Valve(server, upstream)));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Keeps what goes that way from now on, also on connections to come. */
  hold(way: Way, which: Which = 'all'): void {
    this.shut.set(way, which);
  }

  /** Resolves when something is kept that goes that way. */
  async kept(way: Way): Promise<void> {
    while (![...this.pipes].some((pipe) => pipe.kept[way].length > 0)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Lets everything through again, or all that goes one way, what was kept first. */
  open(ways: readonly Way[] = ['up', 'down']): void {
    for (const way of ways) {
      this.shut.delete(way);
      for (const pipe of this.pipes) pipe.flush(way);
    }
  }

  /** Ends connections; what was kept of them is lost. */
  cut(which: Which = 'all'): void {
    for (const pipe of this.pipes) if (isOf(pipe, which)) pipe.destroy();
  }

  close(): void {
    this.server.close();
    this.cut();
  }

  private accept(client: Socket): void {
    const pipe = new Pipe(client, connect(this.upstream(), '127.0.0.1'), (way, of) => {
      const which = this.shut.get(way);
      return which !== undefined && isOf(of, which);
    });
    this.pipes.add(pipe);
    client.on('close', () => this.pipes.delete(pipe));
  }
}

function isOf(pipe: Pipe, which: Which): boolean {
  return which === 'all' || pipe.isInbox === (which === 'inbox');
}

/** One connection through the valve. */
class Pipe {
  isInbox = false;
  readonly kept: Record<Way, Buffer[]> = { up: [], down: [] };

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly isShut: (way: Way, pipe: Pipe) => boolean,
  ) {
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // What is wrong with a socket is told by its close.
      socket.on('error', () => undefined);
      socket.on('close', () => this.destroy());
    }
    client.on('data', (chunk: Buffer) => {
      if (INBOX.test(chunk.toString('latin1'))) this.isInbox = true;
      this.carry('up', chunk);
    });
    server.on('data', (chunk: Buffer) => this.carry('down', chunk));
  }

  flush(way: Way): void {
    for (const chunk of this.kept[way].splice(0)) this.end(way).write(chunk);
  }

  destroy(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private carry(way: Way, chunk: Buffer): void {
    if (this.isShut(way, this)) this.kept[way].push(chunk);
    else this.end(way).write(chunk);
  }

  private end(way: Way): Socket {
    return way === 'up' ? this.server : this.client;
  }
}
