import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Proxy } from '../faults/arena/proxy.js';

/** A client, through a proxy, to a server that answers each chunk with itself. */
async function stand() {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      heard.push(chunk.toString());
      server.emit('heard');
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await Proxy.open(() => (server.address() as AddressInfo).port);
  const dial = async (): Promise<Socket> => {
    const client = connect(proxy.port, '127.0.0.1');
    client.on('error', () => undefined);
    await once(client, 'connect');
    return client;
  };
  const close = (): void => {
    proxy.close();
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { proxy, server, heard, dial, close };
}

async function ask(client: Socket, text: string): Promise<string> {
  client.write(text);
  const [chunk] = (await once(client, 'data')) as [Buffer];
  return chunk.toString();
}

/** Whether by an end or by a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** What ioredis says first, long before it subscribes. */
const INBOX = '*3\r\n$6\r\nclient\r\n$7\r\nsetname\r\n$17\r\nnest-locked-inbox\r\n';
const SUBSCRIBE = '*2\r\n$9\r\nsubscribe\r\n$1\r\na\r\n';

describe('the proxy of the fault campaign', () => {
  let at: Awaited<ReturnType<typeof stand>>;
  beforeEach(async () => {
    at = await stand();
  });
  afterEach(() => at.close());

  it('carries both ways', async () => {
    const client = await at.dial();
    expect(await ask(client, 'one')).toBe('one');
  });

  it('keeps the order of what it delays', async () => {
    const client = await at.dial();
    await ask(client, 'hello');
    const delays = [30, 0, 10];
    at.proxy.delay(() => delays.shift() ?? 0);
    let answer = '';
    for (const part of ['a', 'b', 'c']) {
      client.write(part);
      // A chunk of its own each.
      await new Promise(setImmediate);
    }
    while (answer.length < 3) answer += ((await once(client, 'data')) as [Buffer])[0].toString();
    expect(answer).toBe('abc');
  });

  it('cuts connections of one kind', async () => {
    const [commands, subscriber] = [await at.dial(), await at.dial()];
    await ask(commands, 'hello');
    await ask(subscriber, SUBSCRIBE);
    const gone = closed(subscriber);
    expect(at.proxy.cut('subscriber')).toBe(1);
    await gone;
    expect(await ask(commands, 'still here')).toBe('still here');
  });

  it('swallows the reply to a command that was executed, then cuts', async () => {
    const client = await at.dial();
    await ask(client, 'hello');
    at.proxy.swallowReplies('command', 10);
    const answers: string[] = [];
    client.on('data', (chunk) => answers.push(chunk.toString()));
    client.write('lost');
    await closed(client);
    expect(at.heard).toEqual(['hello', 'lost']);
    expect(answers).toEqual([]);
  });

  it('carries nothing over a half-open connection, and ends it when it heals', async () => {
    const client = await at.dial();
    await ask(client, 'hello');
    at.proxy.halfOpen('both', false);
    client.write('lost');
    const other = await at.dial();
    expect(await ask(other, 'new ones are fine')).toBe('new ones are fine');
    expect(at.heard).toEqual(['hello', 'new ones are fine']);
    const gone = closed(client);
    at.proxy.heal();
    await gone;
    expect(await ask(other, 'still')).toBe('still');
  });

  it('knows a subscriber from its name, and leaves commands alone when it goes dead', async () => {
    const [commands, subscriber] = [await at.dial(), await at.dial()];
    await ask(commands, 'hello');
    await ask(subscriber, INBOX);
    expect(at.proxy.halfOpen('subscriber', true)).toBe(1);
    expect(await ask(commands, 'still here')).toBe('still here');
    const another = await at.dial();
    another.write(INBOX);
    const more = await at.dial();
    expect(await ask(more, 'new commands')).toBe('new commands');
    const gone = Promise.all([closed(subscriber), closed(another)]);
    at.proxy.heal();
    await gone;
    expect(at.heard).toEqual(['hello', INBOX, 'still here', 'new commands']);
  });

  it('can carry on what a client says, and nothing that it is told', async () => {
    const client = await at.dial();
    await ask(client, 'hello');
    at.proxy.halfOpen('both', false, 'down');
    const told: string[] = [];
    client.on('data', (chunk) => told.push(chunk.toString()));
    const arrival = once(at.server, 'heard');
    client.write('heard');
    await arrival;
    const other = await at.dial();
    await ask(other, 'later');
    expect(at.heard).toEqual(['hello', 'heard', 'later']);
    expect(told).toEqual([]);
  });

  it('can leave new connections half-open as well', async () => {
    at.proxy.halfOpen('both', true);
    const through = once(at.server, 'connection');
    const client = await at.dial();
    await through;
    const gone = closed(client);
    client.write('lost');
    at.proxy.heal();
    await gone;
    expect(at.heard).toEqual([]);
  });
});
