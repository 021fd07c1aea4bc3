import * as diagnostics from 'node:diagnostics_channel';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants';
import { NestFactory } from '@nestjs/core';
import ts from 'typescript';
import { codeBlocks } from '../support/compile-docs.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';

const root = join(__dirname, '../..');
const PAGES = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]
  .filter((page) => page.endsWith('.md'))
  .filter((page) => codeBlocks(page).size > 0);

/** The names of our own entry points, as they are in package.json, and where their sources are. */
const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { import?: { default: string } }>;
};
const sourceOf = (name: string): string => {
  const built = entries[name.replace('nest-locked', '.')]?.import?.default ?? '';
  return join(root, built.replace('./dist/esm/', 'lib/').replace(/\.js$/, '.ts'));
};

type Block = (module: object, exports: object, get: (name: string) => unknown) => Promise<void>;
const AsyncFunction = (async () => undefined).constructor as new (...parts: string[]) => Block;

const subscribed: Parameters<typeof diagnostics.subscribe>[] = [];
/** As the block would, and no longer than this file: channels are the process's, and other suites come after. */
const subscribe: typeof diagnostics.subscribe = (...asked) => {
  subscribed.push(asked);
  diagnostics.subscribe(...asked);
};

/** Runs a block as a file beside its page; what it exports. */
async function run(path: string, code: string): Promise<Record<string, unknown>> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      esModuleInterop: true,
    },
    fileName: path,
  });
  const module = { exports: {} as Record<string, unknown> };
  const get = (name: string): unknown => {
    if (name === 'node:diagnostics_channel') return { ...diagnostics, subscribe };
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as the block would
    return require(/^nest-locked(\/|$)/.test(name) ? sourceOf(name) : name) as unknown;
  };
  const whole = new AsyncFunction('module', 'exports', 'require', outputText);
  await whole(module, module.exports, get);
  return module.exports;
}

const isModule = (value: unknown): value is Type =>
  typeof value === 'function' && Reflect.hasMetadata(MODULE_METADATA.IMPORTS, value);

describe('the code of the documentation', () => {
  let server: RedisServer;
  beforeAll(async () => void (server = await startRedis()));
  afterAll(async () => {
    for (const asked of subscribed) diagnostics.unsubscribe(...asked);
    await server.stop();
  });

  it.each(PAGES)('runs in %s: each application starts and ends', async (page) => {
    for (const [path, code] of codeBlocks(page)) {
      // The addresses of the examples are those of servers that a reader has.
      const here = code.replace(/redis:\/\/[a-z]+:6379/g, server.url);
      const applications = Object.values(await run(path, here)).filter(isModule);
      for (const application of applications) {
        const app = await NestFactory.createApplicationContext(application, {
          logger: false,
          abortOnError: false,
        });
        await app.close();
      }
    }
  });
});
