import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, startRedis, type RedisServer } from '../../support/redis-server.js';
import type { FakeClock } from '../faketime.js';
import { pause } from '../moment.js';

/** Every command that was answered is in the file: a killed server comes back with its data. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

export function startDurable(): Promise<RedisServer> {
  return startRedis({ args: DURABLE });
}

/** Kills the server, throws its files away and starts it anew. */
export async function restartEmpty(server: RedisServer, down: number): Promise<void> {
  await server.kill('SIGKILL');
  rmSync(join(server.dir, 'appendonlydir'), { recursive: true, force: true });
  await pause(down);
  await server.restart();
}

/** A Redis whose wall clock can be stepped. */
export class ClockedServer {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
    private readonly dir: string,
  ) {}

  /** Undefined when this machine's redis-server does not run under libfaketime. */
  static async start(clock: FakeClock): Promise<ClockedServer | undefined> {
    const port = await freePort();
    const dir = mkdtempSync(join(tmpdir(), 'nest-locked-redis-'));
    // jemalloc reads the clock before libfaketime is ready and hangs: libc's malloc goes before it.
    const env = clock.environment(':libc.so.6');
    const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--save', ''];
    const child = spawn('redis-server', args, { env, stdio: 'ignore' });
    child.on('error', () => undefined);
    process.on('exit', () => child.kill('SIGKILL'));
    const server = new ClockedServer(port, child, dir);
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if (await ask(port, (redis) => redis.ping()).catch(() => undefined)) return server;
      await pause(50);
    }
    await server.stop();
    return undefined;
  }

  async stop(): Promise<void> {
    if (
      this.child.pid !== undefined &&
      this.child.exitCode === null &&
      this.child.signalCode === null
    ) {
      const gone = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** One word with a server, on a connection of its own. */
export async function ask<T>(port: number, what: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    connectTimeout: 1_000,
    // The default of 2 s keeps a process for so long after its server has died.
    disconnectTimeout: 100,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await what(redis);
  } finally {
    redis.disconnect();
  }
}
