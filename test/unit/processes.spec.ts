import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const processes = join(__dirname, '../../scripts/processes.mjs');

/** A Node process that runs `code`, as npm would start it. */
function node(code: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, npm_lifecycle_event: 'start', SCRIPTS: processes },
  });
}

/** What a process, and whoever has its output from it, says until all of them have ended. */
async function saidBy(child: ChildProcess): Promise<string> {
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said;
}

async function firstWord(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
  return chunk.toString();
}

/** Runs for a minute, unless it is stopped. */
const LONG = "setTimeout(() => console.log('nobody stopped me'), 60_000);";

describe('What npm starts', () => {
  it('is told when npm is killed', async () => {
    const watch = `
      const { whenParentEnds } = await import(process.env.SCRIPTS);
      whenParentEnds(() => { console.log('told'); process.exit(); });
      console.log('up');
      ${LONG}`;
    const npm = node(`
      import { spawn } from 'node:child_process';
      spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(watch)}], { stdio: 'inherit' });
      ${LONG}`);
    expect(await firstWord(npm)).toBe('up\n');
    npm.kill('SIGKILL');
    expect(await saidBy(npm)).toBe('told\n');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at %s with all that it started, deaf ones included',
    async (signal) => {
      const deaf = `process.on('SIGINT', () => {}); process.on('SIGTERM', () => {}); console.log('up'); ${LONG}`;
      const runner = `
        import { spawn } from 'node:child_process';
        spawn(process.execPath, ['-e', ${JSON.stringify(deaf)}], { stdio: 'inherit' });
        ${LONG}`;
      const script = node(`
        const { runGroup } = await import(process.env.SCRIPTS);
        process.exitCode = await runGroup(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(runner)}]);`);
      expect(await firstWord(script)).toBe('up\n');
      script.kill(signal);
      expect(await saidBy(script)).toBe('');
      expect(script.exitCode).toBe(130);
    },
  );
});
