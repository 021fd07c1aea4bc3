import { connect, type Socket } from 'node:net';
import { moment } from '../moment.js';
import { lines, type Message, type Proof, type TicketOffer, type WriteReply } from './messages.js';

/** A worker's line to the witness. What was written to it is heard even if the worker is killed. */
export class WitnessClient {
  /** Another worker has left a lock. */
  onTicket: ((offer: TicketOffer) => void) | undefined;
  private readonly replies = new Map<string, (accepted: boolean) => void>();

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on(
      'data',
      lines((line) => {
        if (typeof line === 'object' && line !== null && 'ticket' in line) {
          this.onTicket?.(line as TicketOffer);
          return;
        }
        const { id, accepted } = line as WriteReply;
        this.replies.get(id)?.(accepted);
        this.replies.delete(id);
      }),
    );
    // Without its witness a worker proves nothing.
    socket.on('close', () => process.exit(0));
    socket.on('error', () => process.exit(0));
  }

  static open(port: number): Promise<WitnessClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new WitnessClient(socket)));
      socket.once('error', reject);
    });
  }

  tell(message: Exclude<Message, { type: 'write' }>): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Asks the resource for a write under the hold's token. */
  write(id: string, proof: Proof): Promise<boolean> {
    return new Promise((resolve) => {
      this.replies.set(id, resolve);
      this.socket.write(`${JSON.stringify({ type: 'write', id, proof })}\n`);
    });
  }
}

/** Asks a lock whether it is held, and between which two moments it said so. */
export function prove(isHeld: () => boolean): Proof {
  const from = moment();
  const held = isHeld();
  return { from, to: moment(), held };
}
