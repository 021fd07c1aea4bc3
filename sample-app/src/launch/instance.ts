import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const GRACE = 15_000;

/** One process of the shop. */
export class Instance {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  /** Resolves when it listens. */
  static async start(url: string, env: NodeJS.ProcessEnv): Promise<Instance> {
    const child = fork(MAIN, { env });
    const failed = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the instance at ${url} ended with ${String(signal ?? code)}`);
    });
    failed.catch(() => undefined);
    await Promise.race([once(child, 'message'), failed]);
    return new Instance(url, child);
  }

  /** Calls back when the process ends, whether it was asked to or not. */
  onExit(listener: () => void): void {
    this.child.once('exit', listener);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    const impatience = setTimeout(() => this.child.kill('SIGKILL'), GRACE);
    this.child.kill('SIGTERM');
    await gone;
    clearTimeout(impatience);
  }
}
