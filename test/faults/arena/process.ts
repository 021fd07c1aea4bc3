import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const live = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of live) child.kill('SIGKILL');
});

export interface Program {
  readonly pid: number;
  send(order: object): void;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
  /** The next message of that type, from now on. */
  heard<T>(type: string): Promise<T>;
}

/** Runs one of our files, with `config` as JSON in its first argument, in a process of its own. */
export function run(file: string, config: object, env: NodeJS.ProcessEnv = process.env): Program {
  const child = fork(
    fileURLToPath(new URL(`../${file}`, import.meta.url)),
    [JSON.stringify(config)],
    {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...env, NO_COLOR: '1' },
    },
  );
  live.add(child);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4_000);
  });
  // A message to one who has just been killed is no news.
  child.on('error', () => undefined);
  const ended = once(child, 'close').then(([code, signal]) => {
    live.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, stderr };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    send: (order) => {
      if (child.connected) child.send(order, () => undefined);
    },
    signal: (signal) => child.kill(signal),
    heard: <T>(type: string) =>
      new Promise<T>((resolve, reject) => {
        const listen = (message: { type: string }): void => {
          if (message.type !== type) return;
          child.off('message', listen);
          resolve(message as T);
        };
        child.on('message', listen);
        void ended.then(({ code, signal, stderr: said }) =>
          reject(new Error(`${file} ended (${signal ?? code}) before "${type}"\n${said}`)),
        );
      }),
  };
}
