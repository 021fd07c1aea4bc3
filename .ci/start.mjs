// `npm start`: sets up what is missing, builds the library and the sample, and opens the shop.
import { join } from 'node:path';
import { ensureDependencies, run } from './setup.mjs';

const root = join(import.meta.dirname, '..');
const sample = join(root, 'sample-app');

ensureDependencies(root);
run(process.execPath, ['.ci/build.mjs'], { cwd: root });
ensureDependencies(sample);
run('npm', ['run', '--silent', 'build'], { cwd: sample });
await import('../sample-app/dist/src/launch/start.js');
