import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { freePorts } from './free-ports.js';

export interface PrivateRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Waits on its standard input, which ends when the launcher stops or dies, however it dies. Then
 * the server goes and its folder with it.
 */
const KEEPER =
  '"$0" "$@" >/dev/null & server=$!; read _; kill $server; wait $server; rm -rf "$DIR"';

export function redisOnPath(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'redis-server'))
    .find(isExecutable);
}

/** A redis-server on a free loopback port that writes nothing down. */
export async function startPrivateRedis(program: string): Promise<PrivateRedis> {
  const [port] = await freePorts(1);
  const directory = await mkdtemp(join(tmpdir(), 'shop-redis-'));
  const settings = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const keeper = spawn('sh', ['-c', KEEPER, program, ...args], {
    // A process group of its own: Ctrl-C must reach the shop first, Redis after it.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, DIR: directory },
  });
  const gone = once(keeper, 'exit');

  const url = `redis://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    keeper.stdin.end();
    await gone;
  };
  try {
    await answers(url);
  } catch (error) {
    await stop();
    throw new Error(`${program} did not start on port ${port}`, { cause: error });
  }
  return { url, stop };
}

async function answers(url: string): Promise<void> {
  const client = new Redis(url, {
    retryStrategy: (times) => (times > 200 ? null : 25),
    maxRetriesPerRequest: null,
  });
  client.on('error', () => undefined);
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
