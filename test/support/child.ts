import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const live = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of live) child.kill('SIGKILL');
});

/** A TypeScript program of ours in a process of its own. */
export interface Child {
  readonly pid: number;
  /** The next message it sends; rejects when it ends without one, with what it wrote to stderr. */
  next<T>(): Promise<T>;
  send(message: object): void;
  kill(signal?: NodeJS.Signals): void;
  /** How it ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

/**
 * Runs a file of `test/`, given relative to it, by tsx. The child finds `config` as JSON in its
 * first argument and dies with this process.
 */
export function startChild(
  file: string,
  config: object,
  env: NodeJS.ProcessEnv = process.env,
): Child {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = fork(path, [JSON.stringify(config)], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env,
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  live.add(child);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const inbox: unknown[] = [];
  const readers: { resolve: (message: unknown) => void; reject: (error: Error) => void }[] = [];
  child.on('message', (message) => {
    const reader = readers.shift();
    if (reader === undefined) inbox.push(message);
    else reader.resolve(message);
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    live.delete(child);
    for (const reader of readers) {
      reader.reject(
        new Error(`${file} ended (${String(code ?? signal)}) without a word\n${stderr}`),
      );
    }
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, stderr };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    next: <T>() =>
      new Promise<T>((resolve, reject) => {
        if (inbox.length > 0) resolve(inbox.shift() as T);
        else if (live.has(child))
          readers.push({ resolve: resolve as (message: unknown) => void, reject });
        else reject(new Error(`${file} has ended\n${stderr}`));
      }),
    send: (message) => child.send(message),
    kill: (signal = 'SIGKILL') => child.kill(signal),
  };
}

/** For the child: what `startChild` was given. */
export function childConfig(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}

/** For the child: speaks to the process that started it; resolves when the message is on its way. */
export function tellParent(message: object): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) throw new Error('nobody started this process');
    process.send(message, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}
