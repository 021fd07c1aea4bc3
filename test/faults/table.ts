import { closedTimes } from './checks/closed-times.js';
import type { Finding, History } from './history.js';
import { LEADERS } from './lock-names.js';
import type { Turn } from './nemesis.js';

interface Row {
  injected: number;
  acquired: number;
  refused: number;
  closed: number;
  leaderless: number;
  violations: Map<string, number>;
  allowed: Map<string, number>;
}

const COLUMNS = [
  ['overlaps', ['overlap', 'over the limit']],
  ['accepted', ['stale write accepted']],
  ['backwards', ['token backwards']],
  ['tickets', ['ticket claimed twice', 'believed after hand-off']],
  ['silent', ['silent loss']],
  ['orphans', ['orphan', 'left behind']],
  ['shut', ['closed too long']],
  ['late', ['late answer', 'no answer', 'stuck', 'not recovered']],
  ['mixed', ['wrong answer', 'unlocked work']],
  ['crashes', ['crash', 'unhandled rejection']],
] as const;

const LEGEND = `acquired: locks taken. overlaps: holders of one key that both believed in it and exclude each other,
more permits than there are. tickets: claimed twice; holders that believed in what they had left. refused,
accepted: stale writes the resource refused, and accepted. backwards: tokens not larger than an
earlier one. silent: losses without a word. orphans: keys nobody answers for after a lease. closed:
longest time somebody waited and nobody was inside, ms; leaderless: the same where they want to lead; shut: longer than that fault may cost. late:
callers answered more than 450 ms after their wait, or never;
workers that did not recover. mixed: one of busy, unavailable and refused for another, work that ran
unlocked without an outage. crashes: of processes, and unhandled rejections. (n): allowed, since the server had lost its data or its clock was stepped back.`;

/** A line for each fault, in the order of their names, and one for all. */
export function renderTable(
  history: History,
  turns: readonly Turn[],
  findings: readonly Finding[],
): string {
  const rows = new Map<string, Row>();
  const rowAt = (at: number): Row => {
    // What was there before the first turn is the first one's.
    const turn = turns.findLast((one) => one.from <= at) ?? turns[0]!;
    return rows.get(turn.fault)!;
  };
  for (const { fault, injected } of turns) {
    const row = rows.get(fault) ?? emptyRow();
    row.injected += injected;
    rows.set(fault, row);
  }
  for (const { outcome, answered, refused } of history.attempts) {
    if (outcome !== 'granted' || answered === undefined) continue;
    const row = rowAt(answered);
    row.acquired += 1;
    row.refused += refused;
  }
  for (const { key, from, to } of closedTimes(history)) {
    // A leader that is frozen was heard of last just before.
    const [which, row] =
      key === LEADERS ? (['leaderless', rowAt(to)] as const) : (['closed', rowAt(from)] as const);
    row[which] = Math.max(row[which], to - from);
  }
  for (const { kind, at, allowed } of findings) {
    const row = rowAt(at);
    const counts = allowed === undefined ? row.violations : row.allowed;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const names = [...rows.keys()].sort();
  const lines = names.map((name) => [name, ...cells(rows.get(name)!)]);
  lines.push(['all', ...cells(sum([...rows.values()]))]);
  const head = [
    'fault',
    'times',
    'acquired',
    'refused',
    'closed',
    'leaderless',
    ...COLUMNS.map(([title]) => title),
  ];
  return `${layOut([head, ...lines])}\n\n${LEGEND}`;
}

function cells(row: Row): string[] {
  const counts = COLUMNS.map(([, kinds]) => {
    const count = (of: Map<string, number>): number =>
      kinds.reduce((total, kind) => total + (of.get(kind) ?? 0), 0);
    const allowed = count(row.allowed);
    return `${count(row.violations)}${allowed > 0 ? ` (${allowed})` : ''}`;
  });
  const { injected, acquired, refused, closed, leaderless } = row;
  const numbers = [injected, acquired, refused, Math.round(closed), Math.round(leaderless)];
  return [...numbers.map(String), ...counts];
}

function emptyRow(): Row {
  return {
    injected: 0,
    acquired: 0,
    refused: 0,
    closed: 0,
    leaderless: 0,
    violations: new Map(),
    allowed: new Map(),
  };
}

function sum(rows: readonly Row[]): Row {
  const total = emptyRow();
  for (const row of rows) {
    total.injected += row.injected;
    total.acquired += row.acquired;
    total.refused += row.refused;
    total.closed = Math.max(total.closed, row.closed);
    total.leaderless = Math.max(total.leaderless, row.leaderless);
    for (const which of ['violations', 'allowed'] as const) {
      for (const [kind, n] of row[which]) total[which].set(kind, (total[which].get(kind) ?? 0) + n);
    }
  }
  return total;
}

/** As a Markdown table, so that it can be pasted into the documentation as it is. */
function layOut(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const render = (line: readonly string[]): string =>
    `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [render(lines[0]!), rule, ...lines.slice(1).map(render)].join('\n');
}
