import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Target } from './library.js';
import type { Contended, ContendedPlan } from './load.js';

export type Order =
  | { readonly do: 'open'; readonly contender: string; readonly target: Target }
  | { readonly do: 'contend'; readonly contender: string; readonly plan: ContendedPlan }
  | { readonly do: 'close' };

/** What one process of the crew saw, and the CPU it used in µs. */
export interface Report extends Contended {
  readonly cpu: number;
}

export type Answer = { readonly value: Report | null } | { readonly error: string };

/** Other processes with the same adapters, for what happens between processes. */
export class Crew {
  private constructor(private readonly members: readonly ChildProcess[]) {}

  static async start(size: number): Promise<Crew> {
    const path = fileURLToPath(new URL('crew-member.ts', import.meta.url));
    const members = Array.from({ length: size }, () =>
      fork(path, { execArgv: ['--import', 'tsx'], serialization: 'advanced' }),
    );
    const crew = new Crew(members);
    await crew.all({ do: 'close' });
    return crew;
  }

  /** Once for each contender; what is open stays so until `close()`. */
  open(contender: string, target: Target): Promise<unknown> {
    return this.all({ do: 'open', contender, target });
  }

  /** All begin as soon as the order reaches them. */
  async contend(contender: string, plan: ContendedPlan): Promise<Report[]> {
    return (await this.all({ do: 'contend', contender, plan })).filter((report) => report !== null);
  }

  close(): Promise<unknown> {
    return this.all({ do: 'close' });
  }

  stop(): void {
    for (const member of this.members) member.kill('SIGKILL');
  }

  private all(order: Order): Promise<(Report | null)[]> {
    return Promise.all(this.members.map((member) => ask(member, order)));
  }
}

function ask(member: ChildProcess, order: Order): Promise<Report | null> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('a process of the crew ended'));
    member.once('exit', gone);
    member.once('message', (answer: Answer) => {
      member.off('exit', gone);
      if ('error' in answer) reject(new Error(answer.error));
      else resolve(answer.value);
    });
    member.send(order);
  });
}
