// Copies the library as it is built now over the copy that `npm ci` made of it.
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const built = join(import.meta.dirname, '../../dist');
const copy = join(import.meta.dirname, '../node_modules/nest-locked');

if (!existsSync(join(built, 'esm/index.js'))) {
  console.error('The library is not built yet: run `npm run build` in the folder above.');
  process.exit(1);
}
rmSync(join(copy, 'dist'), { recursive: true, force: true });
cpSync(built, join(copy, 'dist'), { recursive: true });
cpSync(join(built, '../package.json'), join(copy, 'package.json'));
