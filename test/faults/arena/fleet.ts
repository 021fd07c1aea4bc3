import type { FakeClock } from '../faketime.js';
import type { Death, Incident } from '../history.js';
import { moment } from '../moment.js';
import type { KeyPlan } from '../worker/key-plan.js';
import type { Sabotage } from '../worker/saboteurs/sabotage.js';
import type { WorkerConfig, WorkerOrder } from '../worker/worker.js';
import { run, type Program } from './process.js';
import { Proxy } from './proxy.js';

export interface FleetOptions {
  readonly workers: number;
  readonly callers: number;
  readonly keys: readonly KeyPlan[];
  readonly seed: string;
  readonly sabotage?: Sabotage | undefined;
  readonly witnessPort: number;
  /** Where Redis listens at the moment. */
  readonly upstream: () => number;
  /** For the first worker, if there is one. */
  readonly clock: FakeClock | undefined;
}

/** A place in the fleet: its proxy stays, its process may be killed and started anew. */
export interface Worker {
  readonly place: number;
  readonly proxy: Proxy;
  name: string;
  program: Program;
  /** Killed by the nemesis, and not yet replaced. */
  dead: boolean;
}

/** The worker processes, each behind a proxy of its own. */
export class Fleet {
  readonly deaths: Death[] = [];
  readonly incidents: Incident[] = [];
  /** What workers wrote to stderr, for the reader of a failed campaign. */
  readonly said: string[] = [];
  readonly workers: Worker[] = [];
  private started = 0;
  private over = false;

  constructor(private readonly options: FleetOptions) {}

  async start(): Promise<void> {
    for (let place = 0; place < this.options.workers; place += 1) {
      const proxy = await Proxy.open(this.options.upstream);
      const { name, program } = this.launch(place, proxy);
      const worker: Worker = { place, proxy, name, program, dead: false };
      this.watch(worker);
      this.workers.push(worker);
    }
    await Promise.all(this.workers.map((worker) => worker.program.heard('ready')));
  }

  alive(): Worker[] {
    return this.workers.filter((worker) => !worker.dead);
  }

  /** Kills a worker and puts a new one in its place; resolves when that one is ready. */
  async replace(worker: Worker): Promise<void> {
    worker.dead = true;
    worker.program.signal('SIGKILL');
    this.deaths.push({ worker: worker.name, at: moment() });
    await worker.program.ended;
    await this.restart(worker);
  }

  order(worker: Worker, order: WorkerOrder): void {
    worker.program.send(order);
  }

  /** Lets every caller finish; what could not is reported by its worker. */
  async drain(within: number): Promise<void> {
    const drained = this.alive().map((worker) => worker.program.heard('drained'));
    for (const worker of this.alive()) this.order(worker, { type: 'drain', within });
    await Promise.allSettled(drained);
    this.over = true;
  }

  async stop(): Promise<void> {
    this.over = true;
    for (const { program, proxy } of this.workers) {
      program.signal('SIGKILL');
      await program.ended;
      proxy.close();
    }
  }

  private async restart(worker: Worker): Promise<void> {
    Object.assign(worker, this.launch(worker.place, worker.proxy));
    this.watch(worker);
    await worker.program.heard('ready');
    worker.dead = false;
  }

  private launch(place: number, { port }: Proxy): { name: string; program: Program } {
    const { witnessPort, seed, callers, keys, sabotage, clock } = this.options;
    const name = `w${place}.${(this.started += 1)}`;
    const url = `redis://127.0.0.1:${port}`;
    const config: WorkerConfig = { name, url, witnessPort, seed, callers, keys, sabotage };
    const env = place === 0 && clock ? clock.environment() : process.env;
    return { name, program: run('worker/worker.ts', config, env) };
  }

  private watch(worker: Worker): void {
    const { name, program } = worker;
    void program.ended.then(({ code, signal, stderr }) => {
      if (stderr.trim() !== '') this.said.push(`${name}: ${stderr.trim()}`);
      if (this.over || this.deaths.some((death) => death.worker === name)) return;
      const at = moment();
      this.deaths.push({ worker: name, at });
      this.incidents.push({ kind: 'crash', at, text: `${name} ended: ${code ?? signal ?? '?'}` });
      worker.dead = true;
      this.restart(worker).catch(() => undefined);
    });
  }
}
