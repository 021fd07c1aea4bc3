// Whether what is built is older than what it is built from: shared by npm start and npm run bench.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './setup.mjs';

/** The latest change under a path; a folder's own time tells of files that were removed. */
function lastChange(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => lastChange(join(path, name))));
}

/** Whether `output`, which a build writes last or only when it succeeds, is newer than its sources. */
export function isBuilt(folder, output, sources) {
  const built = join(folder, output);
  if (!existsSync(built)) return false;
  const changed = sources.map((source) => lastChange(join(folder, source)));
  return statSync(built).mtimeMs >= Math.max(...changed);
}

/** What the build of the library writes last. */
export const LIBRARY = 'dist/cjs/package.json';

/** Builds the library if it is not what its sources say. */
export function ensureLibrary(root) {
  if (isBuilt(root, LIBRARY, ['lib', 'package.json', 'tsconfig.json'])) return;
  console.log('Building the library …');
  run(process.execPath, ['scripts/build.mjs'], { cwd: root });
}
