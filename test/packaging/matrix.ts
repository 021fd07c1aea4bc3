/**
 * `npm run matrix`: the packed tarball under Nest 11 and 12, ioredis 5 and 6, Express and Fastify, as CommonJS and
 * as ES module, on Node 20, 22, 24 and 26, each on a Redis of its own. Takes some minutes, and the package
 * registry; the newer Nodes come from npm as well.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Checks } from './checks.js';
import { nodeNext, type Consumer } from './consumers.js';
import { Workshop } from './workshop.js';

const NEST = ['11', '12'] as const;
const IOREDIS = ['5', '6'] as const;
const PLATFORMS = ['express', 'fastify'] as const;
const NODES = ['20', '22', '24', '26'] as const;

const root = join(import.meta.dirname, '../..');
const checks = new Checks();
const workshop = new Workshop();

/** The binary of a major version: the one that runs this, or the one that npm has. */
function nodeOf(major: string): string {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(root, '.cache', `node${major}`);
  const binary = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(binary)) {
    execFileSync('npm', ['install', '--no-save', '--prefix', folder, `${name}@${major}`], {
      stdio: 'ignore',
    });
  }
  return binary;
}

function consumerOf(nest: string, ioredis: string): Consumer {
  const nestjs = Object.fromEntries(
    ['common', 'core', ...PLATFORMS.map((one) => `platform-${one}`)].map(
      (part) => [`@nestjs/${part}`, `^${nest}.0.0`] as const,
    ),
  );
  return {
    name: `Nest ${nest}, ioredis ${ioredis}`,
    source: 'app',
    dependencies: {
      '@types/node': '^20.19.0',
      typescript: '~5.9.0',
      'reflect-metadata': '^0.2.0',
      rxjs: '^7.8.0',
      ...nestjs,
      ioredis: `^${ioredis}.0.0`,
    },
    without: [],
    install: ['--strict-peer-deps'],
    compilations: [nodeNext],
    runs: [['out/app.mjs'], ['out/app.cjs']],
    stores: ['redis'],
  };
}

try {
  const tarball = await workshop.pack();
  const nodes = NODES.map((major) => [major, nodeOf(major)] as const);
  for (const nest of NEST) {
    for (const ioredis of IOREDIS) {
      const consumer = consumerOf(nest, ioredis);
      let directory = '';
      const isReady = await checks.check(`${consumer.name}: npm install, types`, async () => {
        directory = await workshop.install(consumer, tarball);
        await workshop.compile(directory, consumer.source, nodeNext);
      });
      if (!isReady) continue;
      for (const [major, binary] of nodes) {
        for (const platform of PLATFORMS) {
          for (const args of consumer.runs) {
            const name = `Node ${major}, ${consumer.name}, ${platform}, ${args.join(' ')}`;
            const env = { PLATFORM: `@nestjs/platform-${platform}` };
            await checks.check(name, () => workshop.start(directory, args, 'redis', binary, env));
          }
        }
      }
    }
  }
} finally {
  workshop.close();
}
checks.end();
