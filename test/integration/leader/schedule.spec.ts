import { startChild, type Child } from '../../support/child.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import type { ScheduledConfig, ScheduledReport } from './children/scheduled.child.js';

interface Instance {
  readonly child: Child;
  readonly reports: ScheduledReport[];
}

describe('an application with @nestjs/schedule in two processes', () => {
  let server: RedisServer;
  const instances: Instance[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    for (const { child } of instances) {
      child.kill('SIGKILL');
      await child.ended;
    }
    await server.stop();
  });

  async function boot(leaseTime: number): Promise<Instance> {
    const config: ScheduledConfig = { url: server.url, leaseTime };
    const child = startChild('integration/leader/children/scheduled.child.ts', config);
    const instance: Instance = { child, reports: [] };
    instances.push(instance);
    void (async () => {
      for (;;) instance.reports.push(await child.next<ScheduledReport>());
    })().catch(() => undefined);
    await until('it has started', () => hasTold(instance, 'ready'));
    return instance;
  }

  const hasTold = ({ reports }: Instance, kind: ScheduledReport['kind']): boolean =>
    reports.some((report) => report.kind === kind);
  const secondsOf = ({ reports }: Instance, what: 'tick' | 'job'): number[] =>
    reports.flatMap((report) => (report.kind === what ? [report.second] : []));
  const jobsIn = async (instance: Instance, many: number): Promise<void> =>
    until(`${String(many)} jobs`, () => secondsOf(instance, 'job').length >= many);

  it('Exclusion: every tick is run once, by the leader, and by the next one when that is told to end', async () => {
    // For longer than the whole test: nobody waits for it.
    const leaseTime = 120_000;
    const one = await boot(leaseTime);
    await until('one leads', () => hasTold(one, 'gained'));
    const two = await boot(leaseTime);
    await jobsIn(one, secondsOf(one, 'job').length + 3);
    expect(secondsOf(two, 'tick').length).toBeGreaterThan(1);
    expect(secondsOf(two, 'job')).toEqual([]);

    one.child.kill('SIGTERM');
    expect(await one.child.ended).toMatchObject({ stderr: '' });
    expect(hasTold(one, 'lost')).toBe(true);
    await jobsIn(two, 3);
    const seconds = instances.flatMap((instance) => secondsOf(instance, 'job'));
    expect(new Set(seconds).size).toBe(seconds.length);
    // A lease is 40 times as long.
    expect(secondsOf(two, 'job')[0]! - secondsOf(one, 'job').at(-1)!).toBeLessThanOrEqual(3);
    const tokens = instances.map(({ reports }) => [
      ...new Set(reports.flatMap((report) => ('token' in report ? [report.token] : []))),
    ]);
    expect(tokens.map(({ length }) => length)).toEqual([1, 1]);
    expect(tokens[1]![0]).toBeGreaterThan(tokens[0]![0]!);
  });
});
