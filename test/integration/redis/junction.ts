import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which connections: those of commands, or those of a store's inbox. */
export type Road = 'commands' | 'inbox';

/** A store's inbox names itself in its handshake. */
const INBOX = /\r\n(?:nest-locked-inbox|subscribe)\r\n/i;

/** A proxy that leads commands to one server and inboxes to another, each as it stands when they connect. */
export class Junction {
  private readonly open = new Map<Socket, { road: Road; far: Socket }>();

  private constructor(
    private readonly server: Server,
    /** The ports that the roads lead to; may be changed at any time. */
    readonly ports: Record<Road, number>,
  ) {
    server.on('connection', (near) => this.accept(near));
  }

  static start(ports: Record<Road, number>): Promise<Junction> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new Junction(server, { ...ports })));
    });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  count(road: Road): number {
    return [...this.open.values()].filter((one) => one.road === road).length;
  }

  /** Ends the connections of a road. */
  cut(road: Road): void {
    for (const [near, one] of this.open) if (one.road === road) near.destroy();
  }

  close(): void {
    this.server.close();
    for (const near of this.open.keys()) near.destroy();
  }

  private accept(near: Socket): void {
    near.on('error', () => undefined);
    // A client speaks first: what it says tells which it is.
    near.once('data', (first: Buffer) => {
      const road = INBOX.test(first.toString('latin1')) ? 'inbox' : 'commands';
      const far = connect(this.ports[road], '127.0.0.1');
      this.open.set(near, { road, far });
      near.setNoDelay(true);
      far.setNoDelay(true);
      far.on('error', () => undefined);
      far.on('close', () => near.destroy());
      near.on('close', () => {
        this.open.delete(near);
        far.destroy();
      });
      far.write(first);
      near.pipe(far);
      far.pipe(near);
    });
  }
}
