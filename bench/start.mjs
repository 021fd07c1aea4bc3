// `npm run bench`: brings in what is missing, builds the library, and hands over to main.ts (or to
// the script named after `--script`).
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { ensureDependencies, ensureRedis } from '../scripts/setup.mjs';
import { ensureLibrary } from '../scripts/stale.mjs';

const bench = import.meta.dirname;
const root = join(bench, '..');

ensureDependencies(root);
ensureDependencies(bench);
ensureRedis();
// One would measure something else than one reads.
ensureLibrary(root);

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
