import { sharing } from '../adapters/index.js';
import type { Bench } from '../runner/bench.js';
import { contendersOf, type VariantName } from '../runner/library.js';
import { contend, pairTime } from '../runner/load.js';
import { metered, scriptCalls } from '../runner/meter.js';
import type { CaseResult } from '../runner/result.js';
import { sum } from '../runner/stats.js';
import type { Sizes } from './sizes.js';

const CALLERS = 64;

/** How many may be inside together. */
const capacities: Partial<Record<VariantName, number>> = { shared: CALLERS, 'limit 8': 8 };

/** (m) one key that several hold together, over and over, in one process. */
export async function modes(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const cases: CaseResult[] = [];
  for (const variant of ['shared', 'limit 8'] as const) {
    cases.push(await bench.rounds(plan(bench, sizes, variant)));
  }
  return cases;
}

function plan(bench: Bench, sizes: Sizes, variant: VariantName): Parameters<Bench['rounds']>[0] {
  const capacity = capacities[variant]!;
  return {
    scenario: 'm',
    name: variant,
    title: `one key, 64 callers, ${variant}, one process`,
    params: { callers: CALLERS, capacity },
    columns: [
      { metric: 'ops', title: 'locks', unit: 'per second' },
      { metric: 'opsTimesPair', title: '× pair time', unit: 'ratio' },
      { metric: 'clientCpu', title: 'client CPU per lock', unit: 'µs' },
      { metric: 'scripts', title: 'script calls per lock', unit: 'ratio' },
    ],
    contenders: sharing.flatMap(contendersOf).filter((one) => one.variant === variant),
    rounds: sizes.hotRounds,
    share: sizes.hotTimePeers,
    limit: sizes.hotTime + 1_000,
    async run(contender, adapter, round) {
      const isOurs = contender.library.kind === 'ours';
      const limit = isOurs ? sizes.hotTime : sizes.hotTimePeers;
      const key = `bench:m:${variant}:${contender.id}:${round}`;
      const pairs = bench.mode === 'smoke' ? 20 : 200;
      const pair = await pairTime(await bench.floor(), `${key}:pair`, pairs);
      const load = { key, callers: CALLERS, hold: 0, limit, repeat: true, notes: false, capacity };
      const [seen, cost] = await metered(bench.admin, () => contend(adapter, load));
      const served = Math.max(1, sum(seen.served));
      const ops = (served / limit) * 1_000;
      return {
        metrics: {
          ops,
          opsTimesPair: (ops * pair) / 1_000,
          pair: pair * 1_000,
          clientCpu: cost.clientCpu / served,
          scripts: scriptCalls(cost) / served,
        },
        violations: seen.violations,
      };
    },
  };
}
