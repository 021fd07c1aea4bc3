import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from './free-port.js';

export interface PostgresServerOptions {
  /** Settings of postgres.conf; they win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether a commit is on the disk when it is answered: slow, and only for tests that kill the server. */
  readonly durable?: boolean;
}

const live = new Set<ChildProcess>();
const ownDirs = new Set<string>();

process.on('exit', () => {
  for (const child of live) child.kill('SIGQUIT');
  for (const dir of ownDirs) rmSync(dir, { recursive: true, force: true });
});

/** A real Postgres on a loopback port of its own, with an empty database `postgres`. */
export class PostgresServer {
  readonly url: string;

  constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly dir: string,
  ) {
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('postgres has no pid');
    return this.child.pid;
  }

  /** Ends the server for good, all its processes with it, and removes its directory. */
  async stop(): Promise<void> {
    if (isRunning(this.child)) {
      const gone = once(this.child, 'exit');
      this.child.ref();
      // "Immediate": it ends its processes and itself, and writes nothing.
      this.child.kill('SIGQUIT');
      await gone;
    }
    if (ownDirs.delete(this.dir)) rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Starts a Postgres and resolves when it takes connections. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const bin = postgresBin();
  if (bin === undefined) throw new Error('there is no Postgres: apt-get install postgresql');
  const user = unprivileged();
  const dir = mkdtempSync(join(tmpdir(), 'nest-locked-postgres-'));
  ownDirs.add(dir);
  if (user) chownSync(dir, user.uid, user.gid);
  const init = spawnSync(
    join(bin, 'initdb'),
    // prettier-ignore
    ['--pgdata', dir, '--username', 'postgres', '--auth', 'trust', '--no-sync', '--no-locale', '--encoding', 'UTF8'],
    { ...user, cwd: dir, encoding: 'utf8' },
  );
  if (init.status !== 0) throw new Error(`initdb: ${init.stderr || String(init.error)}`);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = await launch(bin, dir, port, user, options);
    if (typeof child !== 'string') return new PostgresServer(child, port, dir);
    if (attempt === 5) throw new Error(`postgres did not start on port ${port}: ${child}`);
  }
}

/** Where the newest initdb and postgres are: on the PATH, or where Debian has them. */
export function postgresBin(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  return [
    ...versions.sort((a, b) => Number(b) - Number(a)).map((name) => join(debian, name, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ].find((bin) => existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres')));
}

/** Postgres refuses to run as root; undefined where this process does not. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string, name: string): number =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: idOf('-u', 'postgres'), gid: idOf('-g', 'postgres') };
  } catch {
    return { uid: idOf('-u', 'nobody'), gid: idOf('-g', 'nobody') };
  }
}

/** The running server, or what it said before it died. */
async function launch(
  bin: string,
  dir: string,
  port: number,
  user: { uid: number; gid: number } | undefined,
  { settings, durable = false }: PostgresServerOptions,
): Promise<ChildProcess | string> {
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '100',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(join(bin, 'postgres'), ['-D', dir, ...args], {
    ...user,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  live.add(child);
  child.once('exit', () => live.delete(child));
  // The pipe and the child must not keep a test process alive that forgot to stop its server.
  child.unref();
  (child.stderr as unknown as { unref(): void }).unref();
  return new Promise((resolve) => {
    let said = '';
    const keepAlive = setTimeout(() => {
      child.kill('SIGQUIT');
      resolve(`not ready after 20 s: ${said}`);
    }, 20_000);
    const settle = (result: ChildProcess | string): void => {
      clearTimeout(keepAlive);
      resolve(result);
    };
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
      if (said.includes('ready to accept connections')) settle(child);
    });
    child.once('error', (error) => {
      settle(error.message);
    });
    child.once('exit', () => {
      settle(said || 'it said nothing');
    });
  });
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
