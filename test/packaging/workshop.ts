import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startRedis } from '../support/redis-server.js';
import type { Compilation, Consumer } from './consumers.js';

const root = join(import.meta.dirname, '../..');
const sources = join(import.meta.dirname, 'consumer');

/** A temporary folder in which applications of somebody else's install the packed library, compile and run. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'nest-locked-install-'));

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  async run(
    directory: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    // An application that does not end by itself is a fault, not a reason to wait for ever.
    const options = { cwd: directory, timeout: 300_000, killSignal: 'SIGKILL' as const };
    const whole = { ...options, env: { ...process.env, ...env } };
    return (await promisify(execFile)(command, args, whole)).stdout;
  }

  /** @returns the path of the tarball */
  async pack(): Promise<string> {
    const args = ['pack', '--json', '--silent', '--pack-destination', this.folder];
    const said = await this.run(root, 'npm', args);
    // The build speaks first.
    const [packed] = JSON.parse(said.slice(said.indexOf('['))) as { filename: string }[];
    if (packed === undefined) throw new Error(`npm pack said ${said}`);
    return join(this.folder, packed.filename);
  }

  /** @returns where the consumer is, with all that it depends on */
  async install(consumer: Consumer, tarball: string): Promise<string> {
    const directory = join(this.folder, consumer.name.replace(/\W+/g, '-'));
    mkdirSync(directory);
    const manifest = {
      private: true,
      dependencies: { ...consumer.dependencies, 'nest-locked': `file:${tarball}` },
    };
    writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
    await this.run(directory, 'npm', ['install', '--no-audit', '--no-fund', ...consumer.install]);
    for (const extension of ['ts', 'mts', 'cts'])
      copyFileSync(
        join(sources, `${consumer.source}.ts`),
        join(directory, `${consumer.source}.${extension}`),
      );
    for (const script of ['identity.mjs', 'absent.mjs'])
      copyFileSync(join(sources, script), join(directory, script));
    return directory;
  }

  async compile(directory: string, source: string, compilation: Compilation): Promise<void> {
    const { compilerOptions, extensions } = compilation;
    const project = join(directory, 'tsconfig.json');
    const files = extensions.map((extension) => `${source}.${extension}`);
    writeFileSync(project, JSON.stringify({ compilerOptions, files }));
    const tsc = 'node_modules/typescript/bin/tsc';
    await this.run(directory, process.execPath, [tsc, '-p', project]);
  }

  /** Runs what was compiled, told the URL of a Redis of its own, or nothing. */
  async start(
    directory: string,
    args: readonly string[],
    store: 'redis' | 'memory',
    node = process.execPath,
    env: NodeJS.ProcessEnv = {},
  ): Promise<void> {
    const redis = store === 'redis' ? await startRedis() : undefined;
    try {
      await this.run(directory, node, [...args, ...(redis ? [redis.url] : [])], env);
    } finally {
      await redis?.stop();
    }
  }
}
