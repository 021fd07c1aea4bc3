import type { StormResult } from './storm.js';

const COLUMNS: readonly [title: string, cell: (result: StormResult) => string | number][] = [
  ['storm', ({ plan }) => plan],
  ['mode', ({ mode }) => mode],
  ['orders', ({ orders }) => orders],
  ['stock', ({ stock }) => stock],
  ['sold', ({ sold }) => sold],
  ['left', ({ left }) => left],
  ['oversold', ({ oversold }) => oversold],
  ['inside at once', ({ insideAtOnce }) => insideAtOnce],
  ['errors', ({ errors }) => errors],
  ['time', ({ ms }) => `${ms} ms`],
];

/** The results in columns, text to the left and figures to the right. */
export function table(results: readonly StormResult[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...results.map((result) => COLUMNS.map(([, cell]) => String(cell(result)))),
  ];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  '),
    )
    .join('\n');
}
