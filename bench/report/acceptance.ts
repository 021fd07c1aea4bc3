import type { AcceptanceLine, CaseResult, Row } from '../runner/result.js';
import { cell, number } from './format.js';

/** What the library promises of its speed; the ratios are to the bare pair of the same round. */
interface Promised {
  readonly scenario: string;
  readonly what: string;
  readonly params?: Readonly<Record<string, number>>;
  readonly metric: string;
  readonly row?: 'default' | 'fair';
  readonly most?: number;
  readonly least?: number;
  readonly unit?: string;
}

// prettier-ignore
const promises: readonly Promised[] = [
  { scenario: 'a', what: 'one caller, p50', params: { callers: 1 }, metric: 'p50Ratio', most: 1.15 },
  { scenario: 'b', what: '64 callers, throughput', params: { callers: 64 }, metric: 'opsRatio', least: 2.5 },
  { scenario: 'b', what: '512 callers, throughput', params: { callers: 512 }, metric: 'opsRatio', least: 3 },
  { scenario: 'b', what: '64 callers, client CPU per pair', params: { callers: 64 }, metric: 'clientCpuRatio', most: 0.4 },
  { scenario: 'c', what: '100 waiters, hold 0: time of as many pairs', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', most: 0.3 },
  { scenario: 'c', what: 'the same, fair', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', row: 'fair', most: 1.6 },
  { scenario: 'c', what: '1 000 waiters, hold 0', params: { waiters: 1000, hold: 0 }, metric: 'drainRatio', most: 0.2 },
  { scenario: 'd', what: '100 waiters from 4 processes', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', most: 0.8 },
  { scenario: 'd', what: 'the same, fair', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', row: 'fair', most: 3.2 },
  { scenario: 'e', what: 'hot key, 64 callers, one process: locks × pair time', params: { processes: 1 }, metric: 'opsTimesPair', least: 40 },
  { scenario: 'e', what: 'hot key, 64 callers, 4 processes: locks × pair time', params: { processes: 4 }, metric: 'opsTimesPair', least: 12 },
  { scenario: 'e', what: 'the same: slowest process / fastest', params: { processes: 4 }, metric: 'processes', least: 0.9 },
  { scenario: 'f', what: '1 000 idle waiters: commands', metric: 'commands', most: 5, unit: '/s' },
  { scenario: 'f', what: 'the same: client CPU of a core', metric: 'clientCpu', most: 3, unit: '%' },
  { scenario: 'g', what: '10 000 held: script calls', metric: 'scripts', most: 30, unit: '/s' },
  { scenario: 'g', what: 'the same: client CPU of a core', metric: 'clientCpu', most: 3, unit: '%' },
  { scenario: 'h', what: '@Locked over locks.using, memory store', metric: 'over', most: 1.5, unit: 'µs' },
  { scenario: 'i', what: 'heap per held lock', metric: 'heap', most: 1_200, unit: 'B' },
  { scenario: 'i', what: 'Redis memory per held lock', metric: 'redis', most: 250, unit: 'B' },
  { scenario: 'i', what: 'keys left after', metric: 'keys', most: 0 },
];

export function acceptance(cases: readonly CaseResult[]): AcceptanceLine[] {
  return promises.flatMap((promised) => {
    const found = cases.find(
      ({ scenario, params, columns }) =>
        scenario === promised.scenario &&
        columns.some(({ metric }) => metric === promised.metric) &&
        Object.entries(promised.params ?? {}).every(([name, value]) => params[name] === value),
    );
    return found === undefined ? [] : [line(promised, found)];
  });
}

function line(promised: Promised, found: CaseResult): AcceptanceLine {
  const { scenario, what, metric, most, least, unit } = promised;
  const variant = promised.row ?? 'default';
  const row = found.rows.find((one) => one.kind === 'ours' && one.variant === variant);
  const spread = row?.metrics[metric];
  const value = spread?.median;
  const sound = row !== undefined && !row.incomplete && (row.violations ?? 0) === 0;
  const within =
    value !== undefined && (most === undefined ? value >= (least ?? 0) : value <= most);
  const suffix = unit === undefined ? '' : ` ${unit}`;
  const best = bestPeer(found.rows, metric, most === undefined);
  return {
    scenario,
    what,
    target: `${most === undefined ? '≥' : '≤'} ${number(most ?? least ?? 0)}${suffix}`,
    measured: spread === undefined ? (row?.remark ?? 'not measured') : cell(spread) + suffix,
    met: value === undefined ? undefined : within && sound,
    bestPeer: best === undefined ? '–' : `${number(best.value)}${suffix}, ${best.row.label}`,
  };
}

function bestPeer(
  rows: readonly Row[],
  metric: string,
  moreIsBetter: boolean,
): { row: Row; value: number } | undefined {
  let best: { row: Row; value: number } | undefined;
  for (const row of rows) {
    const value = row.metrics[metric]?.median;
    const sound = row.kind === 'peer' && !row.incomplete && (row.violations ?? 0) === 0;
    if (!sound || value === undefined || !Number.isFinite(value)) continue;
    if (best === undefined || (moreIsBetter ? value > best.value : value < best.value)) {
      best = { row, value };
    }
  }
  return best;
}
