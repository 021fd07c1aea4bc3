// `npm test`: sets up what is missing, then runs Jest with the arguments given.
import { join } from 'node:path';
import { ensureDependencies, ensureRedis, run } from './setup.mjs';

const root = join(import.meta.dirname, '..');
ensureDependencies(root);
ensureRedis();
run(process.execPath, ['node_modules/jest/bin/jest.js', ...process.argv.slice(2)], { cwd: root });
