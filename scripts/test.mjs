// `npm test`: sets up what is missing, then runs Jest with the arguments given.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { runGroup } from './processes.mjs';
import {
  ensureDependencies,
  findPostgres,
  findRedis,
  findRedisPy,
  HOW_TO_INSTALL_POSTGRES,
  HOW_TO_INSTALL_REDIS,
} from './setup.mjs';

const root = join(import.meta.dirname, '..');
const jest = join(root, 'node_modules/jest/bin/jest.js');
const hasRedis = findRedis();
/** Programs that tests start: whatever imports one of the files, over however many steps, starts it. */
const PROGRAMS = [
  {
    name: 'redis-server',
    isThere: hasRedis,
    files: ['test/support/redis-server.ts', 'test/support/redis-cluster.ts'],
    howToInstall: HOW_TO_INSTALL_REDIS,
  },
  {
    name: 'postgres',
    isThere: findPostgres(),
    files: ['test/support/postgres-server.ts'],
    howToInstall: HOW_TO_INSTALL_POSTGRES,
  },
];

function testsOn(files) {
  const args = [jest, '--listTests', '--findRelatedTests', ...files];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`jest ${args.slice(1).join(' ')} ended with ${status}`);
  return stdout.split('\n').filter((line) => line.endsWith('.spec.ts'));
}

ensureDependencies(root);
const args = process.argv.slice(2);
const missing = PROGRAMS.filter(({ isThere }) => !isThere).map((program) => ({
  ...program,
  tests: testsOn(program.files),
}));
const leftOut = missing.flatMap(({ tests }) => tests);
const hasRedisPy = findRedisPy();
if (leftOut.length > 0) {
  const escaped = leftOut.map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  args.push('--passWithNoTests', '--testPathIgnorePatterns', '/node_modules/', ...escaped);
}
process.exitCode = await runGroup(process.execPath, [jest, ...args], { cwd: root });
if (hasRedis && !hasRedisPy) {
  console.error(
    "\nThe tests against redis-py's locks were left out: there is no Python that has it (Debian: python3-redis).",
  );
  if (process.env.CI) process.exitCode = 1;
}
for (const { name, tests, howToInstall } of missing) {
  console.error(
    `\n${tests.length} test files were left out: they start ${name}, and there is none.\n${howToInstall}`,
  );
  // Where nobody reads this, a green run must mean all of it.
  if (process.env.CI) process.exitCode = 1;
}
