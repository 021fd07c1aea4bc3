import type { AcceptanceLine, BenchResult, CaseResult, Row } from '../runner/result.js';
import { cell, heading } from './format.js';

const scenarioTitles: Readonly<Record<string, string>> = {
  a: 'One caller, distinct keys',
  b: 'Many callers, distinct keys',
  c: 'A queue on one key, one process',
  d: 'A queue on one key, four processes',
  e: 'One hot key',
  f: 'Waiting and doing nothing',
  g: 'Holding for longer than the lease',
  h: 'The decorator',
  i: 'Memory',
  p: 'Python',
};

/** What is only a lower bound when a run was cut off. */
const bounds = ['drain', 'drainRatio'];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function rowCells(result: CaseResult, row: Row): string[] {
  const name = row.kind === 'ours' ? `**${row.label}**` : row.label;
  const figures = result.columns.map(({ metric }) => {
    const text = cell(row.metrics[metric]);
    return row.incomplete && text !== '–' && bounds.includes(metric) ? `≥ ${text}` : text;
  });
  const watched = result.rows.some(({ violations }) => violations !== undefined);
  return [
    name,
    ...figures,
    ...(watched ? [row.violations === undefined ? '–' : String(row.violations)] : []),
    row.remark ?? '',
  ];
}

/** One case as a table, with the violations where they were watched for. */
export function caseTable(result: CaseResult): string {
  const watched = result.rows.some(({ violations }) => violations !== undefined);
  const remarks = result.rows.some(({ remark }) => remark !== undefined);
  const head = [
    '',
    ...result.columns.map(heading),
    ...(watched ? ['violations'] : []),
    ...(remarks ? ['remark'] : []),
  ];
  const rows = result.rows.map((row) => rowCells(result, row).slice(0, head.length));
  return `#### ${capital(result.title)}\n\n${table(head, rows)}`;
}

export function acceptanceTable(lines: readonly AcceptanceLine[]): string {
  return table(
    ['', 'scenario', 'target', 'measured', 'met?', 'best peer'],
    lines.map(({ scenario, what, target, measured, met, bestPeer }) => [
      `(${scenario})`,
      what,
      target,
      measured,
      met === undefined ? '–' : met ? 'yes' : '**no**',
      bestPeer,
    ]),
  );
}

function environment({ meta }: BenchResult): string {
  const versions = Object.entries(meta.versions).map(([name, version]) => `${name} ${version}`);
  const absent = Object.entries(meta.absent).map(([id, reason]) => `- ${id}: ${reason}`);
  return [
    `${meta.cpu}, ${meta.cores} cores, everything on loopback. ${meta.date.slice(0, 10)}, \`${meta.mode}\` run of ${Math.round(meta.seconds)} s.`,
    versions.join(' · '),
    ...(absent.length > 0 ? ['Not run:', absent.join('\n')] : []),
  ].join('\n\n');
}

function settings({ meta }: BenchResult): string {
  return table(
    ['contender', 'settings'],
    Object.entries(meta.settings).map(([label, text]) => [label, text]),
  );
}

/** Everything a run gave, as Markdown; headings start at level 2. */
export function markdown(result: BenchResult): string {
  const scenarios = [...new Set(result.cases.map(({ scenario }) => scenario))];
  const sections = scenarios.map((scenario) =>
    [
      `### (${scenario}) ${scenarioTitles[scenario] ?? scenario}`,
      ...result.cases.filter((one) => one.scenario === scenario).map(caseTable),
    ].join('\n\n'),
  );
  return [
    '## Machine and versions',
    environment(result),
    '## Targets',
    acceptanceTable(result.acceptance),
    '## Tables',
    ...sections,
    '## Settings',
    settings(result),
    '',
  ].join('\n\n');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
