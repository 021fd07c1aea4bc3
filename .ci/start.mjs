// `npm start`: sets up what is missing, builds what has changed, and opens the shop.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDependencies, run } from './setup.mjs';

const root = join(import.meta.dirname, '..');
const sample = join(root, 'sample-app');

/** The latest change under a path; a folder's own time tells of files that were removed. */
function lastChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => lastChange(join(path, name))));
}

/** Whether `output`, which a build writes last or only when it succeeds, is newer than its sources. */
function isBuilt(folder, output, sources) {
  const built = join(folder, output);
  if (!existsSync(built)) return false;
  const changed = sources.map((source) => lastChange(join(folder, source)));
  return statSync(built).mtimeMs >= Math.max(...changed);
}

ensureDependencies(root);
const library = 'dist/cjs/package.json';
if (!isBuilt(root, library, ['lib', 'package.json', 'tsconfig.json'])) {
  console.log('Building the library …');
  run(process.execPath, ['.ci/build.mjs'], { cwd: root });
}
ensureDependencies(sample);
if (!isBuilt(sample, 'dist/src/main.js', ['src', 'test', 'tsconfig.json', join('..', library)])) {
  console.log('Building the sample …');
  run('npm', ['run', '--silent', 'build'], { cwd: sample });
}
await import('../sample-app/dist/src/launch/start.js');
