import { Redis } from 'ioredis';
import type { Target } from '../runner/library.js';
import { load } from '../runner/library.js';

/** A connected ioredis client, the same for the floors, ours and the peers that use ioredis. */
export async function connect(target: Target, enableAutoPipelining = false): Promise<Redis> {
  const { host, port } = target;
  const client = new Redis({ host, port, lazyConnect: true, enableAutoPipelining });
  // Closed in the middle of a run that took too long: what then fails was not asked for any more.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** What the adapters use of a node-redis client. */
export interface NodeRedis {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: () => void): void;
}

export async function connectNodeRedis(target: Target): Promise<NodeRedis> {
  const { createClient } = await load<{ createClient: (options: object) => NodeRedis }>('redis');
  const client = createClient({
    socket: { host: target.host, port: target.port, reconnectStrategy: false },
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** How `tuned` pollers ask: every 5 to 10 ms for as long as the wait may last. */
export function polling(target: Target): { delay: number; jitter: number; tries: number } {
  return { delay: 5, jitter: 5, tries: Math.ceil(target.waitTime / 7.5) };
}
