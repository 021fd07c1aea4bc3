import { FakeClock } from '../faults/faketime.js';
import { startChild, type Child } from '../support/child.js';
import { startRedis } from '../support/redis-server.js';
import type { ClockworkConfig, Tick } from './children/clockwork.child.js';

/** By how much the clocks of two instances differ, in ms. */
export const APART = 40;

/** An instance that came so late to a tick was held up by its machine: nothing is concluded from that tick, in ms. */
const HELD_UP = 300;

/** How often each job ran in each tick that counts. */
export interface Runs {
  readonly kept: readonly number[];
  readonly plain: readonly number[];
  /** Ticks to which an instance came too late. */
  readonly heldUp: number;
}

/** Two instances of an application with the same cron jobs, and clocks that differ, for so many ticks. */
export async function tick(library: string, ticks: number): Promise<Runs> {
  const server = await startRedis();
  const clock = new FakeClock(library);
  clock.step(APART);
  try {
    const config: ClockworkConfig = { url: server.url };
    const instances = [process.env, clock.environment()].map((env) =>
      startChild('trials/children/clockwork.child.ts', config, env),
    );
    await Promise.all(instances.map((one) => one.next()));
    const records = instances.map((one) => new Record(one));
    await Promise.all(records.map((one) => one.begun));
    // To the first tick somebody may have come too late, and the last may not be over.
    const first = 1 + Math.max(...records.map((one) => one.latest));
    const runs = { kept: [] as number[], plain: [] as number[], heldUp: 0 };
    for (let second = first; runs.kept.length < ticks; second += 1) {
      await Promise.all(records.map((one) => one.reaches(second + 1)));
      if (records.some((one) => one.isHeldUp(second))) runs.heldUp += 1;
      else {
        for (const job of ['kept', 'plain'] as const) {
          runs[job].push(records.reduce((sum, one) => sum + one.runs(job, second), 0));
        }
      }
    }
    for (const one of instances) one.send({ stop: true });
    await Promise.all(instances.map((one) => one.ended));
    return runs;
  } finally {
    clock.dispose();
    await server.stop();
  }
}

/** What one instance has told. */
class Record {
  /** It has told of its first tick. */
  readonly begun: Promise<void>;
  latest = 0;
  private readonly ticks: Tick[] = [];
  private wake: (() => void) | undefined;

  constructor(instance: Child) {
    this.begun = this.reaches(1);
    void this.listen(instance);
  }

  /** Resolves when both of its jobs have been due in a second, and so all of those before are over. */
  async reaches(second: number): Promise<void> {
    while (this.latest < second) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  runs(job: Tick['job'], second: number): number {
    return this.of(second).filter((one) => one.what === 'run' && one.job === job).length;
  }

  /** In that second or the one before, whose lock it might still find. */
  isHeldUp(second: number): boolean {
    return [second - 1, second].some((one) => {
      const due = this.of(one).filter(({ what }) => what === 'due');
      return due.length !== 2 || this.of(one).some(({ late }) => Math.abs(late) > HELD_UP);
    });
  }

  private of(second: number): Tick[] {
    return this.ticks.filter((one) => one.second === second);
  }

  private async listen(instance: Child): Promise<void> {
    for (;;) {
      const tick = await instance.next<Tick>().catch(() => undefined);
      if (!tick) return;
      this.ticks.push(tick);
      if (tick.what === 'due') this.latest = Math.max(this.latest, tick.second);
      this.wake?.();
    }
  }
}
