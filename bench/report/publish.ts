import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import type { BenchResult } from '../runner/result.js';
import { chart } from './chart.js';
import { markdown } from './markdown.js';
import { drainSeries, throughputSeries } from './series.js';

const results = new URL('../results/', import.meta.url);
const docs = new URL('../../docs/', import.meta.url);
const BEGIN = '<!-- results: written by bench/report/publish.ts -->';
const END = '<!-- end of results -->';

/** Writes a run down as JSON and Markdown. */
export async function record(result: BenchResult, name: string): Promise<void> {
  mkdirSync(results, { recursive: true });
  const text = JSON.stringify(result, rounded, 1);
  writeFileSync(new URL(`${name}.json`, results), `${text}\n`);
  const tables = await format(markdown(result), { parser: 'markdown' });
  writeFileSync(new URL(`${name}.md`, results), tables);
}

/** Draws the plots from a recorded run and puts its tables into docs/performance.md. */
export async function publish(name: string): Promise<void> {
  const text = readFileSync(new URL(`${name}.json`, results), 'utf8');
  const result = JSON.parse(text) as BenchResult;
  const plots = new URL('performance/', docs);
  mkdirSync(plots, { recursive: true });
  const { cpu, cores, versions } = result.meta;
  const subtitle = `${cpu}, ${cores} cores, Redis ${versions['redis'] ?? '?'}, Node ${versions['node'] ?? '?'}; medians, both axes logarithmic`;
  const throughput = chart({
    title: 'Locks taken and given back on distinct keys, one process',
    subtitle,
    xTitle: 'concurrent callers',
    yTitle: 'pairs per second (more is better)',
    series: throughputSeries(result),
  });
  const drain = chart({
    title: 'Time until everybody who waits for one key has had it, one process',
    subtitle,
    xTitle: 'waiters',
    yTitle: 'milliseconds (less is better)',
    series: drainSeries(result),
  });
  writeFileSync(new URL('throughput.svg', plots), throughput);
  writeFileSync(new URL('drain.svg', plots), drain);
  const page = new URL('performance.md', docs);
  if (!existsSync(page)) return;
  const [before = '', rest = ''] = readFileSync(page, 'utf8').split(BEGIN);
  const after = rest.split(END)[1] ?? '\n';
  const whole = `${before}${BEGIN}\n\n${markdown(result)}\n${END}${after}`;
  writeFileSync(page, await format(whole, { parser: 'markdown' }));
}

/** Five digits are more than a median of a few rounds is worth, and keep the file small. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}
