// What a plain clone lacks, brought in: shared by the scripts of this folder and the bench.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Runs a command in the foreground; ends this process with its code when it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (status === 0) return;
  console.error(
    `${command} ${args.join(' ')}: ${error?.message ?? `ended with ${signal ?? status}`}`,
  );
  process.exit(status || 1);
}

/** The full path of a program on the PATH, or undefined. */
export function which(program) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/**
 * Whether node_modules holds what package-lock.json asks for. Compared by content: file times
 * change with every checkout.
 */
function isInstalled(directory) {
  const hidden = join(directory, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const installed = packagesOf(hidden);
  return Object.entries(packagesOf(join(directory, 'package-lock.json'))).every(
    // Left out when they are meant for another platform.
    ([path, wanted]) =>
      path === '' || wanted.optional || installed[path]?.version === wanted.version,
  );
}

/** `npm ci` where the installed packages are not those of the lock file. */
export function ensureDependencies(directory) {
  if (isInstalled(directory)) return;
  console.log(`Installing the dependencies of ${directory} (npm ci) …`);
  run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: directory });
}

export const HOW_TO_INSTALL_REDIS = [
  '  Debian, Ubuntu:  sudo apt-get install redis-server',
  '  Fedora:          sudo dnf install redis',
  '  macOS:           brew install redis',
].join('\n');

/**
 * Whether something is there. It is installed where that can be done without asking: by root, on Debian
 * and the like. Where that fails it is as if it could not.
 */
function find(isThere, debianPackage) {
  if (isThere()) return true;
  if (process.getuid?.() !== 0 || !which('apt-get')) return false;
  console.log(`Installing ${debianPackage} (apt-get) …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => spawnSync('apt-get', args, { stdio: 'inherit', env });
  apt('update', '-qq');
  apt('install', '-y', '-qq', '--no-install-recommends', debianPackage);
  return isThere();
}

/** Whether there is a redis-server on the PATH. */
export function findRedis() {
  return find(() => which('redis-server') !== undefined, 'redis-server');
}

export const HOW_TO_INSTALL_POSTGRES = [
  '  Debian, Ubuntu:  sudo apt-get install postgresql',
  '  Fedora:          sudo dnf install postgresql-server',
  '  macOS:           brew install postgresql',
].join('\n');

/** Whether there is a Postgres server: on the PATH, or where Debian has its versions. */
export function findPostgres() {
  const debian = '/usr/lib/postgresql';
  const isThere = () =>
    which('initdb') !== undefined ||
    (existsSync(debian) &&
      readdirSync(debian).some((version) => existsSync(join(debian, version, 'bin/initdb'))));
  return find(isThere, 'postgresql');
}

/** Whether there is a Python that has redis-py: the one on the PATH, or Debian's own. */
export function findRedisPy() {
  const pythons = ['python3', '/usr/bin/python3'];
  const hasIt = (path) => spawnSync(path, ['-c', 'import redis'], { stdio: 'ignore' }).status === 0;
  return find(() => pythons.some(hasIt), 'python3-redis');
}

/** A redis-server, or the end of this process with a word on how to have one. */
export function ensureRedis() {
  if (findRedis()) return;
  console.error(
    `This starts redis-server, and there is none on the PATH.\n${HOW_TO_INSTALL_REDIS}`,
  );
  process.exit(1);
}
