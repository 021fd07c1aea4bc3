import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { moment } from '../moment.js';
import { lines, type Message, type TicketOffer, type WriteReply } from './messages.js';
import { Register } from './register.js';

/** A small server: workers speak to it over TCP, the campaign by the process channel. */
export type WitnessOrder =
  | { readonly type: 'crowd'; readonly dead: readonly string[] }
  | { readonly type: 'report'; readonly file: string };

const register = new Register();
/** The workers, those who were given a ticket last at the end. */
const workers = new Set<Socket>();

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  workers.add(socket);
  socket.on('close', () => workers.delete(socket));
  socket.on(
    'data',
    lines((line) => {
      const message = line as Message;
      const accepted = register.take(message, moment());
      if (message.type === 'ticket') passOn(message, message.copies, socket);
      if (message.type !== 'write') return;
      const reply: WriteReply = { id: message.id, accepted: accepted === true };
      socket.write(`${JSON.stringify(reply)}\n`);
    }),
  );
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'listening', port: (server.address() as AddressInfo).port });
});

/** Gives a ticket to so many workers that did not leave it, each in its turn. */
function passOn({ ticket, of, key, mode }: TicketOffer, copies: number, giver: Socket): void {
  const offer: TicketOffer = { ticket, of, key, mode };
  for (const socket of [...workers].filter((one) => one !== giver).slice(0, copies)) {
    workers.delete(socket);
    workers.add(socket);
    socket.write(`${JSON.stringify(offer)}\n`);
  }
}

process.on('message', (order: WitnessOrder) => {
  if (order.type === 'crowd') {
    const crowd = register.crowd(new Set(order.dead));
    process.send?.({ type: 'crowd', crowd });
  } else void report(order.file);
});
process.on('disconnect', () => process.exit(0));

/** One JSON array per kind, an item a line: a history can be larger than a string may be. */
async function report(file: string): Promise<void> {
  const out = createWriteStream(file);
  const { attempts, acceptances, incidents } = register;
  for (const [name, items] of Object.entries({ attempts, acceptances, incidents })) {
    for (const item of items) {
      if (!out.write(`${JSON.stringify([name, item])}\n`)) await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'finish');
  process.send?.({ type: 'reported' });
}
