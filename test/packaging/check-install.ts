/**
 * Packs the library, installs the tarball in applications of somebody else's and runs them:
 * `npm run check:install`. Needs the package registry, so it is no part of `npm test`.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRedis } from '../support/redis-server.js';
import { consumers, type Consumer } from './consumers.js';
import { faultsOfTarball } from './tarball.js';

const root = join(import.meta.dirname, '../..');
const sources = join(import.meta.dirname, 'consumer');
const work = mkdtempSync(join(tmpdir(), 'nest-locked-install-'));
const results = { passed: 0, failed: 0 };

async function run(directory: string, command: string, ...args: string[]): Promise<string> {
  // An application that does not end by itself is a fault, not a reason to wait for ever.
  const options = { cwd: directory, timeout: 300_000, killSignal: 'SIGKILL' as const };
  return (await promisify(execFile)(command, args, options)).stdout;
}

async function check(name: string, task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task();
    results.passed += 1;
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    results.failed += 1;
    // The message of a failed command has what it said on stderr.
    const { message, stdout = '' } = error as Error & { stdout?: string };
    console.log(`FAILED  ${name}\n${message}\n${stdout}`);
    return false;
  }
}

async function pack(): Promise<string> {
  const said = await run(root, 'npm', 'pack', '--json', '--silent', '--pack-destination', work);
  // The build speaks first.
  const [packed] = JSON.parse(said.slice(said.indexOf('['))) as { filename: string }[];
  if (packed === undefined) throw new Error(`npm pack said ${said}`);
  return join(work, packed.filename);
}

async function install(consumer: Consumer, tarball: string): Promise<string> {
  const directory = join(work, consumer.name.replace(/\W+/g, '-'));
  mkdirSync(directory);
  const manifest = {
    private: true,
    dependencies: { ...consumer.dependencies, 'nest-locked': `file:${tarball}` },
  };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  await run(directory, 'npm', 'install', '--no-audit', '--no-fund', ...consumer.install);
  for (const extension of ['ts', 'mts', 'cts'])
    copyFileSync(
      join(sources, `${consumer.source}.ts`),
      join(directory, `${consumer.source}.${extension}`),
    );
  for (const script of ['identity.mjs', 'absent.mjs'])
    copyFileSync(join(sources, script), join(directory, script));
  return directory;
}

async function checkConsumer(consumer: Consumer, directory: string): Promise<void> {
  const { name: consumerName, source, without } = consumer;
  if (without.length > 0)
    await check(`${consumerName}: really without ${without.join(', ')}`, () =>
      run(directory, process.execPath, 'absent.mjs', ...without),
    );
  for (const { name, compilerOptions, extensions } of consumer.compilations)
    await check(`${consumerName}: types under ${name}`, async () => {
      const project = join(directory, 'tsconfig.json');
      const files = extensions.map((extension) => `${source}.${extension}`);
      writeFileSync(project, JSON.stringify({ compilerOptions, files }));
      await run(directory, process.execPath, 'node_modules/typescript/bin/tsc', '-p', project);
    });
  const entries = without.includes('@nestjs/common') ? [] : ['nest-locked'];
  await check(`${consumerName}: one class through import, require and each entry point`, () =>
    run(directory, process.execPath, 'identity.mjs', ...entries, 'nest-locked/core'),
  );
  for (const args of consumer.runs)
    for (const store of consumer.stores)
      await check(`${consumerName}: ${args.join(' ')} on ${store}`, async () => {
        const redis = store === 'redis' ? await startRedis() : undefined;
        try {
          const url = redis === undefined ? [] : [redis.url];
          await run(directory, process.execPath, ...args, ...url);
        } finally {
          await redis?.stop();
        }
      });
}

try {
  let tarball = '';
  const isPacked = await check('npm pack', async () => {
    tarball = await pack();
  });
  if (isPacked) {
    await check('the tarball: nothing missing, nothing too much', async () => {
      await run(work, 'tar', '-xzf', tarball);
      const faults = faultsOfTarball(join(work, 'package'));
      if (faults.length > 0) throw new Error(faults.join('\n'));
    });
    await Promise.all(
      consumers.map(async (consumer) => {
        let directory = '';
        const isInstalled = await check(`${consumer.name}: npm install`, async () => {
          directory = await install(consumer, tarball);
        });
        if (isInstalled) await checkConsumer(consumer, directory);
      }),
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${results.passed} passed, ${results.failed} failed`);
process.exitCode = results.failed === 0 ? 0 : 1;
