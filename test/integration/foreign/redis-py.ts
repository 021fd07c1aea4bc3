import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { THEIR_LEASE, type TheirHold, type TheirLocks } from './their-locks.js';

const PROGRAM = fileURLToPath(new URL('./children/redis_py.py', import.meta.url));

/** A Python that has redis-py: the one on the PATH, or Debian's own. */
export function pythonWithRedis(): string | undefined {
  return ['python3', '/usr/bin/python3'].find(
    (path) => spawnSync(path, ['-c', 'import redis'], { stdio: 'ignore' }).status === 0,
  );
}

/** redis-py's Lock in a Python of its own, a line of JSON to ask and a line to answer. */
export async function openRedisPy(port: number, key: string): Promise<TheirLocks> {
  const python = pythonWithRedis();
  if (python === undefined) throw new Error('no Python with redis-py');
  const child = spawn(python, [PROGRAM, String(port), key], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const readers: ((answer: unknown) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => readers.shift()?.(JSON.parse(line)));
  const ask = async (...words: (string | number)[]): Promise<unknown> => {
    const answer = new Promise((resolve) => readers.push(resolve));
    child.stdin.write(`${JSON.stringify(words)}\n`);
    return Promise.race([
      answer,
      ended.then(() => {
        throw new Error('Python has ended');
      }),
    ]);
  };
  const hold = (id: unknown): TheirHold => ({
    extend: async () => (await ask('extend', id as number, THEIR_LEASE)) === true,
    release: async () => (await ask('release', id as number)) === true,
  });
  await ask('ping');
  return {
    take: async () => hold(await ask('take', THEIR_LEASE)),
    tryTake: async (leaseTime = THEIR_LEASE) => {
      const id = await ask('try', leaseTime);
      return id === null ? undefined : hold(id);
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
