import { leanPrototype } from '../adapters/lean-prototype.js';
import type { Kind } from '../runner/library.js';
import type { BenchResult, CaseResult, Row } from '../runner/result.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One line of a chart. */
export interface Series {
  readonly label: string;
  readonly kind: Kind;
  readonly points: readonly Point[];
}

/** Pairs per second over callers, distinct keys: (a) and (b). */
export function throughputSeries({ cases }: BenchResult): Series[] {
  const relevant = cases.filter(({ params }) => params['callers'] !== undefined);
  const distinct = relevant.filter(({ scenario }) => scenario === 'a' || scenario === 'b');
  const all = collect(distinct, 'callers', 'ops', () => true);
  const groupings = all.filter(({ label }) => label.startsWith(leanPrototype.name));
  if (groupings.length === 0) return all;
  return [...all.filter((series) => !groupings.includes(series)), envelope(groupings)];
}

/** One line for the prototype: the best way of grouping at each number of callers. */
function envelope(groupings: readonly Series[]): Series {
  const best = new Map<number, number>();
  for (const { x, y } of groupings.flatMap(({ points }) => points)) {
    best.set(x, Math.max(y, best.get(x) ?? 0));
  }
  const points = [...best].map(([x, y]) => ({ x, y })).sort((a, b) => a.x - b.x);
  return { label: `${leanPrototype.name}, best grouping`, kind: 'floor', points };
}

/** Time to serve a line over its length, hold 0, one process: (c). Of each peer the better setting. */
export function drainSeries({ cases }: BenchResult): Series[] {
  const drains = cases.filter(({ scenario, params }) => scenario === 'c' && params['hold'] === 0);
  const all = collect(drains, 'waiters', 'drain', (row) => row.incomplete !== true);
  const tuned = new Set(
    all.map(({ label }) => label).filter((label) => label.endsWith(' (tuned)')),
  );
  return all.flatMap((series) => {
    if (tuned.has(`${series.label} (tuned)`)) return [];
    return [{ ...series, label: series.label.replace(/ \(tuned\)$/, '') }];
  });
}

function collect(
  cases: readonly CaseResult[],
  param: string,
  metric: string,
  counts: (row: Row) => boolean,
): Series[] {
  const found = new Map<string, { label: string; kind: Kind; points: Point[] }>();
  for (const { params, rows } of cases) {
    for (const row of rows) {
      const y = row.metrics[metric]?.median;
      if (y === undefined || !counts(row)) continue;
      const series = found.get(row.id) ?? { label: row.label, kind: row.kind, points: [] };
      series.points.push({ x: params[param]!, y });
      found.set(row.id, series);
    }
  }
  return [...found.values()].map((series) => ({
    ...series,
    points: series.points.sort((a, b) => a.x - b.x),
  }));
}
