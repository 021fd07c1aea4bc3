import { StoreUnavailableError } from '../../../lib/stores/lock-store.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers } from '../../support/callers.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import { NotedLog } from './site.js';

/** How soon after its return a Redis that was killed serves all callers again, in ms. */
const SOON = 1_500;
/** Longer than anything that waits for what was lost with a connection: 3 s at most. */
const LONG_AFTER = 6_000;

/** A process under load, and what it tells. */
class Process {
  readonly failures: { at: number; error: unknown }[] = [];
  recoveries = 0;
  holds = 0;
  private isOver = false;
  private load: Promise<void>[] = [];

  private constructor(
    readonly callers: Callers,
    readonly log: NotedLog,
  ) {}

  static async start(url: string, answerTimeout?: number): Promise<Process> {
    const log = new NotedLog();
    const store = await RedisStore.open({ connection: url, log, answerTimeout });
    const one = new Process(new Callers(store), log);
    one.load = Array.from({ length: 50 }, (_, i) => one.turns(`stock:${answerTimeout}:${i}`));
    await until('under load', () => one.holds > 500);
    // Its first connection was one, too.
    store.onRecovery(() => (one.recoveries += 1));
    return one;
  }

  private async turns(key: string): Promise<void> {
    while (!this.isOver) {
      const grant = await this.callers.tryTake(key).catch((error: unknown) => {
        this.failures.push({ at: performance.now(), error });
        return null;
      });
      if (grant) await this.callers.release(grant).catch(() => undefined);
      this.holds += 1;
      await sleep(2);
    }
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.callers.store.close();
    await Promise.all(this.load);
  }
}

describe('a Redis that is killed and comes back, under load', () => {
  let server: RedisServer;
  let processes: Process[];
  beforeEach(async () => {
    server = await startRedis();
    processes = await Promise.all([
      Process.start(server.url),
      // One that looks for answers more often.
      Process.start(server.url, 500),
    ]);
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.end()));
    await server.stop();
  });

  const untilTold = (lines: number): Promise<void> =>
    until(`told ${lines} lines`, () => processes.every(({ log }) => log.lines.length === lines));

  it('Three answers: two outages are two, told once each, as their ends are, and nothing in the 6 s after', async () => {
    let back = 0;
    for (const outage of [1, 2]) {
      await server.kill();
      await untilTold(2 * outage - 1);
      await sleep(700);
      await server.restart();
      back = performance.now();
      await untilTold(2 * outage);
    }
    await sleep(LONG_AFTER);

    const away = expect.stringMatching(
      /^error Redis is away, no locks until it is back: \S/,
    ) as string;
    const told = [away, 'log Redis is back'];
    for (const { callers, failures, log, recoveries } of processes) {
      expect(log.lines).toEqual([...told, ...told]);
      expect(recoveries).toBe(2);
      expect(failures.filter(({ at }) => at > back + SOON)).toEqual([]);
      for (const { error } of failures) expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(await callers.release(await callers.take('after'))).toBe(true);
    }
  });
});
