import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a client and its server, and keeps every byte that the client gets. */
export class Recorder {
  private readonly chunks: Buffer[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly upstream: number,
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  /** @param upstream the port of the server */
  static start(upstream: number): Promise<Recorder> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new Recorder(server, upstream)));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** All that clients have got so far. */
  get bytes(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private accept(client: Socket): void {
    const server = connect(this.upstream, '127.0.0.1');
    server.on('data', (chunk) => this.chunks.push(chunk));
    server.pipe(client);
    client.pipe(server);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }
}
