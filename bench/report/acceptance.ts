import { leanPrototype } from '../adapters/lean-prototype.js';
import type { AcceptanceLine, CaseResult, Row } from '../runner/result.js';
import { cell, number } from './format.js';

/** What the library promises of its speed; the ratios are to the bare pair of the same round. */
interface Promised {
  readonly scenario: string;
  readonly what: string;
  readonly params?: Readonly<Record<string, number>>;
  readonly metric: string;
  readonly row?: 'default' | 'fair' | 'shared' | 'limit 8';
  readonly most?: number;
  readonly least?: number;
  readonly unit?: string;
  /**
   * Also kept when it comes so close to the best grouping of the lean prototype in the same run:
   * a machine that slows or speeds the one moves the other.
   */
  readonly orOfPrototype?: number;
}

// prettier-ignore
const promises: readonly Promised[] = [
  { scenario: 'a', what: 'one caller, p50', params: { callers: 1 }, metric: 'p50Ratio', most: 1.15 },
  { scenario: 'a', what: 'one caller, throughput', params: { callers: 1 }, metric: 'opsRatio', least: 0.95, orOfPrototype: 0.9 },
  { scenario: 'b', what: '4 callers, throughput', params: { callers: 4 }, metric: 'opsRatio', least: 0.9, orOfPrototype: 0.9 },
  { scenario: 'b', what: '16 callers, throughput', params: { callers: 16 }, metric: 'opsRatio', least: 1, orOfPrototype: 0.9 },
  { scenario: 'b', what: '64 callers, throughput', params: { callers: 64 }, metric: 'opsRatio', least: 1.8, orOfPrototype: 0.9 },
  { scenario: 'b', what: 'the same, as first promised', params: { callers: 64 }, metric: 'opsRatio', least: 2.5 },
  { scenario: 'b', what: '512 callers, throughput', params: { callers: 512 }, metric: 'opsRatio', least: 3, orOfPrototype: 0.8 },
  { scenario: 'b', what: '512 callers, client CPU per pair', params: { callers: 512 }, metric: 'clientCpu', most: 3.2, unit: 'µs', orOfPrototype: 0.8 },
  { scenario: 'b', what: '64 callers, client CPU per pair', params: { callers: 64 }, metric: 'clientCpuRatio', most: 0.4 },
  { scenario: 'c', what: '100 waiters, hold 0: time of as many pairs', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', most: 0.3 },
  { scenario: 'c', what: 'the same, fair', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', row: 'fair', most: 1.5 },
  { scenario: 'c', what: '1 000 waiters, hold 0', params: { waiters: 1000, hold: 0 }, metric: 'drainRatio', most: 0.2 },
  { scenario: 'd', what: '100 waiters from 4 processes', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', most: 0.8 },
  { scenario: 'd', what: 'the same, fair', params: { waiters: 100, hold: 0 }, metric: 'drainRatio', row: 'fair', most: 3.2 },
  { scenario: 'e', what: 'hot key, 64 callers, one process: locks × pair time', params: { processes: 1 }, metric: 'opsTimesPair', least: 60 },
  { scenario: 'e', what: 'hot key, 64 callers, 4 processes: locks × pair time', params: { processes: 4 }, metric: 'opsTimesPair', least: 12 },
  { scenario: 'e', what: 'the same: slowest process / fastest', params: { processes: 4 }, metric: 'processes', least: 0.9 },
  { scenario: 'f', what: '1 000 idle waiters: commands', metric: 'commands', most: 5, unit: '/s' },
  { scenario: 'f', what: 'the same: client CPU of a core', metric: 'clientCpu', most: 3, unit: '%' },
  { scenario: 'g', what: '10 000 held: script calls', metric: 'scripts', most: 30, unit: '/s' },
  { scenario: 'g', what: 'the same: client CPU of a core', metric: 'clientCpu', most: 3, unit: '%' },
  { scenario: 'h', what: '@Locked over locks.using, memory store', metric: 'over', most: 1.5, unit: 'µs' },
  { scenario: 'i', what: 'heap per held lock', metric: 'heap', most: 1_200, unit: 'B' },
  { scenario: 'i', what: 'Redis memory per held lock', metric: 'redis', most: 250, unit: 'B' },
  { scenario: 'm', what: '64 readers of one key: locks × pair time', params: { capacity: 64 }, metric: 'opsTimesPair', row: 'shared', least: 40 },
  { scenario: 'm', what: '64 callers, limit 8: locks × pair time', params: { capacity: 8 }, metric: 'opsTimesPair', row: 'limit 8', least: 10 },
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
  const moreIsBetter = most === undefined;
  const within = value !== undefined && (moreIsBetter ? value >= (least ?? 0) : value <= most);
  const suffix = unit === undefined ? '' : ` ${unit}`;
  const best = bestOf(found.rows.filter(isPeer), metric, moreIsBetter);
  const prototype = comparison(promised, found.rows, value);
  return {
    scenario,
    what,
    target: `${moreIsBetter ? '≥' : '≤'} ${number(most ?? least ?? 0)}${suffix}${prototype.target}`,
    measured:
      spread === undefined
        ? (row?.remark ?? 'not measured')
        : cell(spread) + suffix + prototype.measured,
    met: value === undefined ? undefined : (within || prototype.met) && sound,
    bestPeer: best === undefined ? '–' : `${number(best.value)}${suffix}, ${best.row.label}`,
  };
}

/** How ours stands to the best grouping of the prototype, where that counts. */
function comparison(
  { metric, most, orOfPrototype }: Promised,
  rows: readonly Row[],
  value: number | undefined,
): { target: string; measured: string; met: boolean } {
  const moreIsBetter = most === undefined;
  const best = bestOf(rows.filter(isPrototype), metric, moreIsBetter);
  if (orOfPrototype === undefined || best === undefined || value === undefined) {
    return { target: '', measured: '', met: false };
  }
  const share = moreIsBetter ? value / best.value : best.value / value;
  const variant = best.row.variant;
  return {
    target: `, or ${number(orOfPrototype)} of the prototype`,
    measured: `; ${number(share)} of ${number(best.value)} (${variant})`,
    met: share >= orOfPrototype,
  };
}

const isPeer = ({ kind }: Row): boolean => kind === 'peer';
const isPrototype = ({ id }: Row): boolean => id.startsWith(`${leanPrototype.name}/`);

function bestOf(
  rows: readonly Row[],
  metric: string,
  moreIsBetter: boolean,
): { row: Row; value: number } | undefined {
  let best: { row: Row; value: number } | undefined;
  for (const row of rows) {
    const value = row.metrics[metric]?.median;
    const sound = !row.incomplete && (row.violations ?? 0) === 0;
    if (!sound || value === undefined || !Number.isFinite(value)) continue;
    if (best === undefined || (moreIsBetter ? value > best.value : value < best.value)) {
      best = { row, value };
    }
  }
  return best;
}
