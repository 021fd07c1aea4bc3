// `npm run bench`: brings in what is missing, builds the library, and hands over to main.ts (or to
// the script named after `--script`).
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { ensureDependencies, ensureRedis, run } from '../.ci/setup.mjs';

const bench = import.meta.dirname;
const root = join(bench, '..');

ensureDependencies(root);
ensureDependencies(bench);
ensureRedis();

/** Whether what is built is older than its sources: one would measure something else than one reads. */
function isStale() {
  const built = join(root, 'dist/esm/index.js');
  if (!existsSync(built)) return true;
  const sources = readdirSync(join(root, 'lib'), { recursive: true });
  const newest = Math.max(...sources.map((name) => statSync(join(root, 'lib', name)).mtimeMs));
  return newest > statSync(built).mtimeMs;
}
if (isStale()) run(process.execPath, [join(root, '.ci/build.mjs')], { cwd: root });

const [first, ...rest] = process.argv.slice(2);
const [script, args] =
  first === '--script' ? [rest[0], rest.slice(1)] : ['main.ts', process.argv.slice(2)];
const child = spawn(
  process.execPath,
  ['--expose-gc', '--import', 'tsx', join(bench, script), ...args],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => process.exit(signal === null ? code : 1));
