// `npm start`: sets up what is missing, builds what has changed, and opens the shop.
import { join } from 'node:path';
import { whenParentEnds } from './processes.mjs';
import { ensureDependencies, run } from './setup.mjs';
import { LIBRARY, ensureLibrary, isBuilt } from './stale.mjs';

const root = join(import.meta.dirname, '..');
const sample = join(root, 'sample-app');

ensureDependencies(root);
ensureLibrary(root);
ensureDependencies(sample);
if (!isBuilt(sample, 'dist/src/main.js', ['src', 'test', 'tsconfig.json', join('..', LIBRARY)])) {
  console.log('Building the sample …');
  run('npm', ['run', '--silent', 'build'], { cwd: sample });
}
// The shop closes on a signal.
whenParentEnds(() => process.kill(process.pid, 'SIGTERM'));
await import('../sample-app/dist/src/launch/start.js');
