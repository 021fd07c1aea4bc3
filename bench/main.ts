// npm run bench [-- quick | ratios | smoke] [--only a,b,…] [--ours]: measures, prints, and writes
// bench/results.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis-server.js';
import { libraries, peers } from './adapters/index.js';
import { acceptance } from './report/acceptance.js';
import { acceptanceTable, caseTable } from './report/markdown.js';
import { publish, record } from './report/publish.js';
import { Bench, type Circle, type Mode } from './runner/bench.js';
import { contendersOf, versionOf } from './runner/library.js';
import type { BenchResult, CaseResult, Meta } from './runner/result.js';
import { scenarios, shortScenarios, type ScenarioName } from './scenarios/index.js';
import { sizesOf } from './scenarios/sizes.js';

/** When nothing of the others is begun any more, so that the whole ends within 15 and 2 minutes; `ratios` has none of them. */
const budget: Readonly<Record<Mode, number>> = {
  full: 13 * 60_000,
  quick: 100_000,
  smoke: 120_000,
  ratios: Infinity,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, ours: { type: 'boolean', default: false } },
});
const mode = (positionals[0] ?? 'full') as Mode;
if (!(mode in budget)) {
  throw new Error(`unknown mode "${mode}"; there are ${Object.keys(budget).join(', ')}`);
}
const all = Object.keys(scenarios) as ScenarioName[];
const asked = values.only?.split(',') as ScenarioName[] | undefined;
const short = mode === 'quick' || mode === 'ratios';
const chosen = asked ?? (short ? shortScenarios : all);
const circle: Circle = mode === 'ratios' ? 'ratios' : values.ours ? 'ours' : 'all';
for (const name of chosen) {
  if (!all.includes(name))
    throw new Error(`unknown scenario "${name}"; there are ${all.join(', ')}`);
}

// A peer whose client was cut off may reject where nobody listens; that is not ours to die of.
const strays = new Map<string, number>();
process.on('unhandledRejection', (reason) => {
  const text = String(reason);
  strays.set(text, (strays.get(text) ?? 0) + 1);
});

const began = performance.now();
const server = await startRedis();
const deadline = began + budget[mode];
const bench = await Bench.open(server, { mode, deadline, circle });
const cases: CaseResult[] = [];
for (const name of chosen) {
  const from = performance.now();
  for (const result of await scenarios[name](bench, sizesOf[mode])) {
    cases.push(result);
    console.log(`\n${caseTable(result)}`);
  }
  await bench.admin.flushall();
  console.log(`\n(${name}) took ${((performance.now() - from) / 1_000).toFixed(1)} s`);
}
const result: BenchResult = { meta: await meta(bench), cases, acceptance: acceptance(cases) };
await bench.close();
await server.stop();

console.log(`\n${acceptanceTable(result.acceptance)}\n`);
for (const [text, count] of strays) console.log(`${count} stray rejections: ${text}`);
const whole = mode === 'full' && asked === undefined && !values.ours;
const name = whole ? 'latest' : mode;
await record(result, name);
if (whole) await publish(name);
console.log(`bench/results/${name}.json and .md, after ${Math.round(result.meta.seconds)} s`);
process.exit(violated(cases) ? 1 : 0);

async function meta(of: Bench): Promise<Meta> {
  const info = await of.admin.info('server');
  const versions: Record<string, string> = {
    node: process.versions.node,
    redis: /^redis_version:(.+?)\r?$/m.exec(info)?.[1] ?? 'unknown',
    ioredis: versionOf('ioredis') ?? 'unknown',
    'node-redis': versionOf('redis') ?? 'unknown',
  };
  const absent: Record<string, string> = Object.fromEntries(of.absent);
  for (const peer of peers) {
    if (peer.package === undefined) continue;
    const version = versionOf(peer.package);
    if (version === undefined) absent[peer.name] ??= 'not installed';
    else versions[peer.name] = version;
  }
  const settings: Record<string, string> = {};
  for (const library of libraries) {
    for (const { label, variant } of contendersOf(library)) {
      const text = library.variants.find(({ name }) => name === variant)?.settings ?? '';
      settings[label] = library.note === undefined ? text : `${text}; ${library.note}`;
    }
  }
  const processors = cpus();
  return {
    mode,
    date: new Date().toISOString(),
    seconds: (performance.now() - began) / 1_000,
    cpu: processors[0]?.model ?? 'unknown processor',
    cores: processors.length,
    versions,
    absent,
    settings,
  };
}

function violated(results: readonly CaseResult[]): boolean {
  return results.some(({ rows }) =>
    rows.some(({ kind, violations }) => kind === 'ours' && (violations ?? 0) > 0),
  );
}
