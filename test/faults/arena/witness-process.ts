import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Acceptance, Attempt, Incident } from '../history.js';
import type { Crowd } from '../witness/register.js';
import { run, type Program } from './process.js';

/** The campaign's end of the witness. The nemesis leaves it alone. */
export class WitnessProcess {
  private constructor(
    private readonly program: Program,
    readonly port: number,
  ) {}

  static async start(): Promise<WitnessProcess> {
    const program = run('witness/witness.ts', {});
    const { port } = await program.heard<{ port: number }>('listening');
    return new WitnessProcess(program, port);
  }

  async crowd(dead: readonly string[]): Promise<Crowd> {
    const answer = this.program.heard<{ crowd: Crowd }>('crowd');
    this.program.send({ type: 'crowd', dead });
    return (await answer).crowd;
  }

  /** All that was recorded; also left in `file`. */
  async report(
    file: string,
  ): Promise<{ attempts: Attempt[]; acceptances: Acceptance[]; incidents: Incident[] }> {
    const reported = this.program.heard('reported');
    this.program.send({ type: 'report', file });
    await reported;
    const history = { attempts: [], acceptances: [], incidents: [] };
    for await (const line of createInterface(createReadStream(file))) {
      const [name, item] = JSON.parse(line) as [keyof typeof history, never];
      history[name].push(item);
    }
    return history;
  }

  async stop(): Promise<void> {
    this.program.signal('SIGKILL');
    await this.program.ended;
  }
}
