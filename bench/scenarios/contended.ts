import { nestLocked } from '../adapters/nest-locked.js';
import { peers } from '../adapters/index.js';
import type { Bench, CasePlan, Sample } from '../runner/bench.js';
import { sleep } from '../runner/clock.js';
import type { Report } from '../runner/crew.js';
import { contendersOf, type Contender, type LockAdapter } from '../runner/library.js';
import { contend, pairTime, type Contended, type ContendedPlan } from '../runner/load.js';
import { metered, scriptCalls } from '../runner/meter.js';
import type { CaseResult, Column } from '../runner/result.js';
import { violationsOf } from '../runner/spans.js';
import { median, sum } from '../runner/stats.js';
import type { Sizes } from './sizes.js';

const ours = contendersOf(nestLocked);
const everybody = [...ours, ...peers.flatMap(contendersOf)];
/** Where a run is long, each peer shows its better setting only. */
const bestOfEach = [...ours, ...peers.map((library) => contendersOf(library).at(-1)!)];

/** What a run on one key gave, in one process or several. */
interface Seen {
  readonly parts: readonly Contended[];
  readonly pair: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
  readonly scripts: number;
}

async function inOneProcess(
  bench: Bench,
  adapter: LockAdapter,
  plan: ContendedPlan,
): Promise<Seen> {
  const pair = await pairTime(await bench.floor(), `${plan.key}:pair`, pairsOf(bench));
  const [seen, cost] = await metered(bench.admin, () => contend(adapter, plan));
  const { clientCpu, serverCpu } = cost;
  return { parts: [seen], pair, clientCpu, serverCpu, scripts: scriptCalls(cost) };
}

async function inFourProcesses(
  bench: Bench,
  contender: Contender,
  plan: ContendedPlan,
  waitTime: number,
): Promise<Seen> {
  const crew = await bench.crew();
  await crew.open(contender.id, bench.target(waitTime));
  const pair = await pairTime(await bench.floor(), `${plan.key}:pair`, pairsOf(bench));
  const [reports, cost] = await metered<Report[]>(bench.admin, () =>
    crew.contend(contender.id, { ...plan, callers: plan.callers / 4, notes: true }),
  );
  if (reports.some(({ unfinished }) => unfinished)) bench.dismissCrew();
  return {
    parts: reports,
    pair,
    clientCpu: sum(reports.map(({ cpu }) => cpu)),
    serverCpu: cost.serverCpu,
    scripts: scriptCalls(cost),
  };
}

function pairsOf(bench: Bench): number {
  return bench.mode === 'smoke' ? 20 : 200;
}

function violationsIn(parts: readonly Contended[]): number {
  const within = sum(parts.map(({ violations }) => violations));
  return parts.length > 1 ? within + violationsOf(parts.map(({ spans }) => spans)) : within;
}

function troubles(parts: readonly Contended[], wanted: number | undefined): Partial<Sample> {
  const total = (of: (part: Contended) => number): number => sum(parts.map(of));
  const served = total((part) => sum(part.served));
  const gaveUp = total((part) => part.gaveUp);
  const failed = total((part) => part.failedReleases);
  const unfinished = parts.some((part) => part.unfinished);
  const remarks = [
    ...(gaveUp > 0 ? [`${gaveUp} times given up`] : []),
    ...(failed > 0 ? [`${failed} releases failed`] : []),
    ...(wanted !== undefined && served < wanted ? [`served ${served} of ${wanted}`] : []),
    ...(unfinished ? ['cut off'] : []),
  ];
  return remarks.length === 0
    ? {}
    : { remark: remarks.join(', '), incomplete: unfinished || (wanted ?? 0) > served };
}

const drainColumns: Column[] = [
  { metric: 'drain', title: 'drained in', unit: 'ms' },
  { metric: 'drainRatio', title: '× as many pairs', unit: 'ratio' },
  { metric: 'clientCpu', title: 'client CPU per lock', unit: 'µs' },
  { metric: 'serverCpu', title: 'server CPU per lock', unit: 'µs' },
  { metric: 'scripts', title: 'script calls per lock', unit: 'ratio' },
];

async function heldFor(hold: number): Promise<number> {
  if (hold === 0) return 0;
  const times: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const before = performance.now();
    await sleep(hold);
    times.push(performance.now() - before);
  }
  return median(times);
}

function drainSample(seen: Seen, waiters: number, holdTime: number): Sample {
  const { parts, pair } = seen;
  const start = Math.min(...parts.map((part) => part.start));
  const drain = Math.max(...parts.map((part) => part.end)) - start;
  const complete = parts.every((part) => part.gaveUp === 0);
  const served = Math.max(1, sum(parts.map((part) => sum(part.served))));
  return {
    metrics: {
      // Nothing is drained when some have gone away.
      ...(complete ? { drain, drainRatio: drain / (waiters * (pair + holdTime)) } : {}),
      pair: pair * 1_000,
      served,
      clientCpu: seen.clientCpu / served,
      serverCpu: seen.serverCpu / served,
      scripts: seen.scripts / served,
    },
    violations: violationsIn(parts),
    ...troubles(parts, waiters),
  };
}

function drainPlan(
  bench: Bench,
  sizes: Sizes,
  processes: 1 | 4,
  waiters: number,
  hold: number,
): CasePlan {
  const scenario = processes === 1 ? 'c' : 'd';
  const limit = sizes.drainLimit(waiters, hold);
  const where = processes === 1 ? 'one process' : '4 processes';
  return {
    scenario,
    name: `${waiters} waiters, hold ${hold} ms`,
    title: `${waiters} waiters on one key, hold ${hold} ms, ${where}`,
    params: { waiters, hold, processes },
    columns: drainColumns,
    contenders: hold > 0 && waiters >= 100 ? bestOfEach : everybody,
    rounds: waiters * hold >= 5_000 ? 1 : waiters * hold >= 500 ? 3 : sizes.drainRounds,
    share: sizes.drainShare,
    limit,
    async run(contender, adapter, round) {
      const key = `bench:${scenario}:${waiters}:${hold}:${contender.id}:${round}`;
      const plan = { key, callers: waiters, hold, limit, repeat: false, notes: false };
      const holdTime = await heldFor(hold);
      const seen =
        processes === 1
          ? await inOneProcess(bench, adapter, plan)
          : await inFourProcesses(bench, contender, plan, limit);
      return drainSample(seen, waiters, holdTime);
    },
  };
}

/** (c) many waiters for one key, in one process. */
export async function drains(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const cases: CaseResult[] = [];
  for (const hold of sizes.holds) {
    for (const waiters of sizes.waiters) {
      cases.push(await bench.rounds(drainPlan(bench, sizes, 1, waiters, hold)));
    }
  }
  return cases;
}

/** (d) the same, from four processes. */
export async function drainsFromFour(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const waiters = sizes.waiters.filter((count) => count === 100 || count === 1000);
  const cases: CaseResult[] = [];
  for (const count of waiters.length > 0 ? waiters : [20]) {
    cases.push(await bench.rounds(drainPlan(bench, sizes, 4, count, 0)));
  }
  return cases;
}

const hotColumns: Column[] = [
  { metric: 'ops', title: 'locks', unit: 'per second' },
  { metric: 'opsTimesPair', title: '× pair time', unit: 'ratio' },
  { metric: 'callers', title: 'slowest/fastest caller', unit: 'share' },
  { metric: 'processes', title: 'slowest/fastest process', unit: 'share' },
  { metric: 'clientCpu', title: 'client CPU per lock', unit: 'µs' },
  { metric: 'serverCpu', title: 'server CPU per lock', unit: 'µs' },
];

function evenness(counts: readonly number[]): number {
  const most = Math.max(...counts);
  return most === 0 ? NaN : Math.min(...counts) / most;
}

function hotSample(seen: Seen, ms: number): Sample {
  const { parts, pair } = seen;
  const perProcess = parts.map(({ served }) => sum(served));
  const served = sum(perProcess);
  const ops = (served / ms) * 1_000;
  return {
    metrics: {
      ops,
      opsTimesPair: (ops * pair) / 1_000,
      callers: evenness(parts.flatMap((part) => [...part.served])),
      ...(parts.length > 1 ? { processes: evenness(perProcess) } : {}),
      pair: pair * 1_000,
      clientCpu: seen.clientCpu / Math.max(1, served),
      serverCpu: seen.serverCpu / Math.max(1, served),
    },
    violations: violationsIn(parts),
    ...troubles(parts, undefined),
  };
}

function hotPlan(bench: Bench, sizes: Sizes, processes: 1 | 4): CasePlan {
  const where = processes === 1 ? 'one process' : '4 processes of 16';
  return {
    scenario: 'e',
    name: processes === 1 ? 'one process' : '4 processes',
    title: `one hot key, 64 callers, ${where}`,
    params: { callers: 64, processes },
    columns:
      processes === 1 ? hotColumns.filter(({ metric }) => metric !== 'processes') : hotColumns,
    contenders: bestOfEach,
    rounds: sizes.hotRounds,
    // One round of each peer is what there is time for.
    share: sizes.hotTimePeers,
    limit: sizes.hotTime + 1_000,
    async run(contender, adapter, round) {
      const limit = contender.library.kind === 'ours' ? sizes.hotTime : sizes.hotTimePeers;
      const key = `bench:e:${processes}:${contender.id}:${round}`;
      const plan = { key, callers: 64, hold: 0, limit, repeat: true, notes: false };
      const seen =
        processes === 1
          ? await inOneProcess(bench, adapter, plan)
          : await inFourProcesses(bench, contender, plan, limit + 1_000);
      return hotSample(seen, limit);
    },
  };
}

/** (e) one hot key, over and over. */
export async function hotKey(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  return [
    await bench.rounds(hotPlan(bench, sizes, 1)),
    await bench.rounds(hotPlan(bench, sizes, 4)),
  ];
}
