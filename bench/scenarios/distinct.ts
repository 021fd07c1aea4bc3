import { floor, libraries } from '../adapters/index.js';
import type { Bench, CasePlan, Sample } from '../runner/bench.js';
import { contendersOf } from '../runner/library.js';
import { distinct } from '../runner/load.js';
import { metered, scriptCalls } from '../runner/meter.js';
import type { CaseResult, Column } from '../runner/result.js';
import { quantile } from '../runner/stats.js';
import { publishTime } from './published.js';
import type { Sizes } from './sizes.js';

/** How a library waits does not matter where nobody waits: one variant of each, and every floor. */
const entrants = libraries
  .flatMap((library) => contendersOf(library).slice(0, library.kind === 'floor' ? undefined : 1))
  .filter(({ library }) => library.name !== 'naive busy polling');

const cpuColumns: Column[] = [
  { metric: 'clientCpu', title: 'client CPU per pair', unit: 'µs' },
  { metric: 'clientCpuRatio', title: '× floor', unit: 'ratio' },
  { metric: 'serverCpu', title: 'server CPU per pair', unit: 'µs' },
];

function plan(bench: Bench, sizes: Sizes, scenario: string, callers: number): CasePlan {
  const latency: Column[] = [
    { metric: 'p50', title: 'p50', unit: 'µs' },
    { metric: 'p50Ratio', title: '× floor', unit: 'ratio' },
    { metric: 'p99', title: 'p99', unit: 'µs' },
    { metric: 'opsRatio', title: 'pairs, × floor', unit: 'ratio' },
  ];
  const throughput: Column[] = [
    { metric: 'ops', title: 'pairs', unit: 'per second' },
    { metric: 'opsRatio', title: '× floor', unit: 'ratio' },
    { metric: 'p50', title: 'p50', unit: 'µs' },
  ];
  const who = callers === 1 ? 'one caller' : `${callers} callers`;
  return {
    scenario,
    name: who,
    title: `${who}, distinct keys, one process`,
    params: { callers },
    columns: [...(callers === 1 ? latency : throughput), ...cpuColumns],
    contenders: entrants,
    // One more: the first warms up and is thrown away.
    rounds: sizes.distinctRounds + 1,
    share: sizes.distinctShare,
    limit: 5_000,
    async run(_contender, adapter, round): Promise<Sample> {
      const prefix = `bench:${scenario}:${callers}:${round}`;
      const [seen, cost] = await metered(bench.admin, () =>
        distinct(adapter, prefix, callers, sizes.distinctSlice),
      );
      return {
        metrics: {
          ops: (seen.pairs / seen.ms) * 1_000,
          p50: quantile(seen.latencies, 0.5) * 1_000,
          p99: quantile(seen.latencies, 0.99) * 1_000,
          clientCpu: cost.clientCpu / seen.pairs,
          serverCpu: cost.serverCpu / seen.pairs,
          scripts: scriptCalls(cost) / seen.pairs,
          ...(round === 0 ? { warmUp: 1 } : {}),
        },
      };
    },
    relate(samples) {
      const bare = samples.get(floor.id);
      if (bare === undefined || bare.metrics['warmUp'] !== undefined) return new Map();
      return new Map([...samples].map(([id, sample]) => [id, related(sample, bare)]));
    },
  };
}

function related(sample: Sample, bare: Sample): Sample {
  const ratio = (metric: string): number => sample.metrics[metric]! / bare.metrics[metric]!;
  return {
    ...sample,
    metrics: {
      ...sample.metrics,
      opsRatio: ratio('ops'),
      p50Ratio: ratio('p50'),
      clientCpuRatio: ratio('clientCpu'),
    },
  };
}

/** (a) one caller, and how long a published message takes. */
export async function oneCaller(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  return [
    await bench.rounds(plan(bench, sizes, 'a', 1)),
    await publishTime(bench, sizes.distinctRounds, sizes.distinctSlice),
  ];
}

/** (b) many callers at once. */
export async function manyCallers(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const cases: CaseResult[] = [];
  for (const callers of sizes.callers) {
    cases.push(await bench.rounds(plan(bench, sizes, 'b', callers)));
  }
  return cases;
}
