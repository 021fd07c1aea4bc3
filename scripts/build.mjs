// Builds both halves of the package: dist/esm and dist/cjs, one `tsc` run each.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const tsc = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);

const compile = (project) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tsc, '--project', project], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`tsc --project ${project} ended with ${code}`));
    });
  });

rmSync(join(root, 'dist'), { recursive: true, force: true });
try {
  await Promise.all([compile('lib/tsconfig.esm.json'), compile('lib/tsconfig.cjs.json')]);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
// The package is `"type": "module"`; without this, Node would read the CommonJS half as ESM.
writeFileSync(join(root, 'dist/cjs/package.json'), '{ "type": "commonjs" }\n');
