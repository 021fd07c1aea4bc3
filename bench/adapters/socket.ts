import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Library, LockAdapter } from '../runner/library.js';
import { RELEASE, RELEASE_SHA } from './ioredis.js';

/** As little as can stand between Node and Redis: one write a tick, one-line replies in order. */
class Wire {
  private readonly socket: Socket;
  private readonly waiting: ((reply: string) => void)[] = [];
  private head = 0;
  private rest = '';
  private out = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => this.read(chunk));
    socket.on('error', () => {});
  }

  send(command: string): Promise<string> {
    if (this.out === '') process.nextTick(() => this.flush());
    this.out += command;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  close(): void {
    this.socket.destroy();
  }

  private flush(): void {
    this.socket.write(this.out, 'latin1');
    this.out = '';
  }

  private read(chunk: string): void {
    const text = this.rest + chunk;
    let from = 0;
    for (let to = text.indexOf('\r\n'); to >= 0; to = text.indexOf('\r\n', from)) {
      this.waiting[this.head]!(text.slice(from, to));
      this.head += 1;
      from = to + 2;
    }
    this.rest = text.slice(from);
    if (this.head === this.waiting.length) {
      this.waiting.length = 0;
      this.head = 0;
    }
  }
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

interface Held {
  readonly key: string;
  readonly id: string;
}

/** The same two commands over a hand-written socket loop: what a client costs is the difference. */
export const socket: Library = {
  name: 'bare socket',
  kind: 'floor',
  asks: 'SET',
  variants: [{ name: 'default', settings: 'the same two commands, RESP written by hand' }],
  async open(target): Promise<LockAdapter<Held>> {
    const stream = connectSocket(target.port, target.host);
    await once(stream, 'connect');
    const wire = new Wire(stream);
    const lease = bulk(String(target.leaseTime));
    // EVAL leaves the script in the cache and answers in one line, which SCRIPT LOAD does not.
    await wire.send(`*5\r\n${bulk('EVAL')}${bulk(RELEASE)}${bulk('1')}${bulk('warm')}${bulk('x')}`);
    let count = 0;
    return {
      async acquire(key) {
        const id = `wire.${(count += 1).toString(36)}`;
        const reply = await wire.send(
          `*6\r\n$3\r\nSET\r\n${bulk(key)}${bulk(id)}$2\r\nPX\r\n${lease}$2\r\nNX\r\n`,
        );
        if (reply !== '+OK') throw new Error(`taken: ${reply}`);
        return { key, id };
      },
      release: ({ key, id }) =>
        wire.send(
          `*5\r\n$7\r\nEVALSHA\r\n$40\r\n${RELEASE_SHA}\r\n$1\r\n1\r\n${bulk(key)}${bulk(id)}`,
        ),
      close: () => wire.close(),
    };
  },
};
