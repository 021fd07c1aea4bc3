import { spawn, spawnSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../runner/bench.js';
import { pairTime } from '../runner/load.js';
import { metered } from '../runner/meter.js';
import type { CaseResult, Column, Row } from '../runner/result.js';
import { spread, sum } from '../runner/stats.js';
import type { Sizes } from './sizes.js';

const script = fileURLToPath(new URL('../python/redis_locks.py', import.meta.url));

interface Printed {
  readonly ms: number;
  readonly served: number[];
  readonly violations: number;
  readonly cpu: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly version: string;
}

/** A Python that has redis-py: the one on the PATH, or Debian's own. */
function python(): string | undefined {
  return ['python3', '/usr/bin/python3'].find(
    (path) => spawnSync(path, ['-c', 'import redis'], { stdio: 'ignore' }).status === 0,
  );
}

const columns: Column[] = [
  { metric: 'p50', title: 'one caller, p50', unit: 'µs' },
  { metric: 'p50Ratio', title: '× pair', unit: 'ratio' },
  { metric: 'drain', title: '100 threads drained in', unit: 'ms' },
  { metric: 'drainRatio', title: '× as many pairs', unit: 'ratio' },
  { metric: 'ops', title: 'hot key, 64 threads', unit: 'per second' },
  { metric: 'opsTimesPair', title: '× pair time', unit: 'ratio' },
  { metric: 'clientCpu', title: 'client CPU per lock', unit: 'µs' },
];

/** Another language's locks on the same server, for comparison: (a), (c) at 100 and (e). */
export async function pythonLocks(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const path = bench.circle === 'all' ? python() : undefined;
  if (path === undefined) {
    bench.absent.set(
      'redis-py',
      bench.circle === 'all' ? 'no Python with redis-py' : 'not asked for',
    );
    return [];
  }
  const rows: Row[] = [];
  for (const lock of ['redis-py', 'naive'] as const) {
    const label = lock === 'naive' ? 'naive busy polling, Python' : 'redis-py Lock';
    rows.push(await measure(bench, sizes, path, lock, label));
  }
  const title = "Python's locks, one process with threads, the same scenarios";
  return [{ scenario: 'p', name: 'Python', title, params: {}, columns, rows }];
}

async function measure(
  bench: Bench,
  sizes: Sizes,
  path: string,
  lock: string,
  label: string,
): Promise<Row> {
  const run = async (load: string, callers: number, ms: number): Promise<Printed> => {
    const port = String(bench.target(0).port);
    const key = `bench:python:${lock}:${load}`;
    const args = [script, port, lock, load, String(callers), String(ms), key];
    const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    return JSON.parse(await text(child.stdout)) as Printed;
  };
  const pairs = bench.mode === 'smoke' ? 20 : 200;
  const pair = await pairTime(await bench.floor(), `bench:python:${lock}:pair`, pairs);
  const one = await run('one', 1, sizes.distinctSlice * 2);
  const waiters = bench.mode === 'smoke' ? 10 : 100;
  const drained = await run('drain', waiters, sizes.drainLimit(100, 0));
  const [hot] = await metered(bench.admin, () => run('hot', 64, sizes.hotTimePeers));
  const ops = (sum(hot.served) / hot.ms) * 1_000;
  const complete = sum(drained.served) === waiters;
  const single = (value: number): ReturnType<typeof spread> => spread([value]);
  return {
    id: `python/${lock}`,
    label,
    kind: 'peer',
    variant: 'default',
    metrics: {
      ...(one.p50 === null
        ? {}
        : { p50: single(one.p50), p50Ratio: single(one.p50 / 1_000 / pair) }),
      drain: single(drained.ms),
      drainRatio: single(drained.ms / (waiters * pair)),
      ops: single(ops),
      opsTimesPair: single((ops * pair) / 1_000),
      clientCpu: single(hot.cpu / Math.max(1, sum(hot.served))),
    },
    violations: drained.violations + hot.violations,
    ...(complete
      ? {}
      : { remark: `served ${sum(drained.served)} of ${waiters}, cut off`, incomplete: true }),
  };
}
