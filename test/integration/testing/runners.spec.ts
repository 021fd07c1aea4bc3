import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');
const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');

/** The example of docs/testing.md for a test runner. */
function exampleFor(runner: string): string {
  const found = new RegExp(
    `<!-- ${runner}: \\S+ -->\\n+\`\`\`typescript\\n(.*?)^\`\`\``,
    'ms',
  ).exec(page);
  return found?.[1] ?? '';
}

/** How a program ended that was to end by itself, and what it wrote. */
async function run(args: readonly string[], cwd: string): Promise<{ code: number; text: string }> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, CI: 'true', NO_COLOR: '1' },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  }
  // One that does not end has left something open.
  const timer = setTimeout(() => child.kill('SIGKILL'), 45_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  return { code: code ?? -1, text };
}

describe('docs/testing.md', () => {
  let folder: string;
  beforeEach(() => {
    // Inside of the project, whose packages it finds.
    folder = mkdtempSync(join(root, 'test/integration/testing/.run-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('No leftover: its example for Jest passes, fake timers included, and the process ends by itself', async () => {
    writeFileSync(join(folder, 'orders.spec.ts'), exampleFor('jest'));
    const config = {
      rootDir: folder,
      testEnvironment: 'node',
      testRegex: 'orders\\.spec\\.ts$',
      transform: { '^.+\\.[jt]s$': [require.resolve('@swc/jest'), { ...swc(), swcrc: false }] },
      transformIgnorePatterns: ['/node_modules/(?!@nestjs/)'],
      moduleNameMapper: {
        '^nest-locked$': join(root, 'lib/index.ts'),
        '^nest-locked/(.*)$': join(root, 'lib/$1/index.ts'),
        '^(\\.{1,2}/.*)\\.js$': '$1',
      },
    };
    writeFileSync(join(folder, 'jest.json'), JSON.stringify(config));
    const jest = join(root, 'node_modules/jest/bin/jest.js');
    const { code, text } = await run([jest, '--config', join(folder, 'jest.json')], folder);
    expect(text).toContain('3 passed, 3 total');
    expect([code, text]).toEqual([0, expect.not.stringContaining('did not exit')]);
  }, 60_000);

  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  it('No leftover: its example for Vitest passes, fake timers included', async () => {
    writeFileSync(join(folder, 'orders.test.ts'), exampleFor('vitest'));
    writeFileSync(
      join(folder, 'vitest.config.mjs'),
      `export default {
        root: ${JSON.stringify(folder)},
        resolve: {
          alias: [
            { find: /^nest-locked$/, replacement: ${JSON.stringify(join(root, 'lib/index.ts'))} },
            { find: /^nest-locked\\/(.*)$/, replacement: ${JSON.stringify(join(root, 'lib/$1/index.ts'))} },
          ],
        },
      };`,
    );
    const { code, text } = await run(
      [vitest, 'run', '--config', join(folder, 'vitest.config.mjs')],
      folder,
    );
    expect([code, text]).toEqual([0, expect.stringContaining('3 passed')]);
  }, 60_000);
});

function swc(): object {
  return JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8')) as object;
}
