// What a plain clone lacks, brought in: shared by the scripts of this folder.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
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

/** A redis-server on the PATH; installed where that can be done without asking. */
export function ensureRedis() {
  if (which('redis-server')) return;
  if (process.getuid?.() === 0 && which('apt-get')) {
    console.log('Installing redis-server (apt-get) …');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], { env });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], { env });
    return;
  }
  console.error(
    [
      'The tests start redis-server processes of their own, and there is none on the PATH.',
      '  Debian, Ubuntu:  sudo apt-get install redis-server',
      '  Fedora:          sudo dnf install redis',
      '  macOS:           brew install redis',
    ].join('\n'),
  );
  process.exit(1);
}
