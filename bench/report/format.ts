import type { Column } from '../runner/result.js';
import type { Spread } from '../runner/stats.js';

/** Three significant digits, thousands apart. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size === 0) return '0';
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  const [whole = '', rest] = value.toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ' ');
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

const units: Readonly<Record<Column['unit'], string>> = {
  ms: 'ms',
  µs: 'µs',
  ratio: '',
  'per second': '/s',
  bytes: 'B',
  '%': '%',
  count: '',
  share: '',
};

export function heading({ title, unit }: Column): string {
  return units[unit] === '' ? title : `${title}, ${units[unit]}`;
}

/** The median, and the range when there was more than one round. */
export function cell(spread: Spread | undefined): string {
  if (spread === undefined || !Number.isFinite(spread.median)) return '–';
  const middle = number(spread.median);
  if (spread.rounds < 2 || number(spread.min) === number(spread.max)) return middle;
  return `${middle} (${number(spread.min)} – ${number(spread.max)})`;
}
