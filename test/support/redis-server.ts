import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';

export { freePort };

export interface RedisServerOptions {
  /** Further arguments of redis-server, such as `['--appendonly', 'yes']`; they win over ours. */
  readonly args?: readonly string[];
  /** A fixed port; a free one when left out. */
  readonly port?: number;
  /** A directory that outlives the server; a temporary one, removed by `stop()`, when left out. */
  readonly dir?: string;
}

const live = new Set<ChildProcess>();
const ownDirs = new Set<string>();

process.on('exit', () => {
  for (const child of live) child.kill('SIGKILL');
  for (const dir of ownDirs) rmSync(dir, { recursive: true, force: true });
});

/** A real redis-server on a loopback port of its own. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly dir: string;
  private child: ChildProcess;
  private readonly args: readonly string[];

  constructor(child: ChildProcess, port: number, dir: string, args: readonly string[]) {
    this.child = child;
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.dir = dir;
    this.args = args;
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('redis-server has no pid');
    return this.child.pid;
  }

  /** Ends the server for good and removes its temporary directory. */
  async stop(): Promise<void> {
    await this.kill('SIGKILL');
    if (ownDirs.delete(this.dir)) rmSync(this.dir, { recursive: true, force: true });
  }

  /** Sends a signal and waits until the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!isRunning(this.child)) return;
    const gone = once(this.child, 'exit');
    this.child.ref();
    this.child.kill(signal);
    // A stopped process takes no other signal before it goes on.
    if (signal !== 'SIGKILL') this.child.kill('SIGCONT');
    await gone;
  }

  /** Freezes the server: connections stay open and nothing answers. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** Kills the server if it still runs and starts it anew with the same port, directory and arguments. */
  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    for (let attempt = 1; ; attempt += 1) {
      const child = await launch(this.port, this.dir, this.args);
      if (typeof child !== 'string') {
        this.child = child;
        return;
      }
      if (attempt === 20)
        throw new Error(`redis-server did not come back on ${this.port}: ${child}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts a redis-server without persistence and resolves when it answers PING. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'nest-locked-redis-'));
  if (options.dir === undefined) ownDirs.add(dir);
  const args = options.args ?? [];
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const child = await launch(port, dir, args);
    if (typeof child !== 'string') return new RedisServer(child, port, dir, args);
    if (options.port !== undefined || attempt === 10) {
      if (ownDirs.delete(dir)) rmSync(dir, { recursive: true, force: true });
      throw new Error(`redis-server did not start on port ${port}: ${child}`);
    }
  }
}

/** The running server, or what it said before it died. */
async function launch(
  port: number,
  dir: string,
  args: readonly string[],
): Promise<ChildProcess | string> {
  const child = spawn(
    'redis-server',
    // prettier-ignore
    ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--save', '', '--appendonly', 'no',
      '--daemonize', 'no', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  live.add(child);
  let said = '';
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-2_000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  child.once('error', (error) => {
    said += error.message;
  });
  // The pipes and the child must not keep a test process alive that forgot to stop its server.
  child.unref();
  for (const stream of [child.stdout, child.stderr])
    (stream as unknown as { unref(): void }).unref();
  child.once('exit', () => live.delete(child));

  const deadline = Date.now() + 10_000;
  while (isRunning(child) && Date.now() < deadline) {
    // The pid in INFO tells our server from another one that took the port first.
    if (child.pid !== undefined && (await answers(port, child.pid))) return child;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill('SIGKILL');
  return said || 'it said nothing';
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function answers(port: number, pid: number): Promise<boolean> {
  return new Promise((resolve) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1');
    const settle = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(500, () => {
      settle(false);
    });
    socket.once('error', () => {
      settle(false);
    });
    socket.once('close', () => {
      settle(false);
    });
    socket.once('connect', () => socket.write('PING\r\nINFO server\r\n'));
    socket.on('data', (chunk) => {
      reply += chunk.toString();
      const found = /process_id:(\d+)\r\n/.exec(reply);
      if (found !== null) settle(reply.startsWith('+PONG') && Number(found[1]) === pid);
    });
  });
}
