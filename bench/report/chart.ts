import { number } from './format.js';
import type { Point, Series } from './series.js';

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
}

const WIDTH = 920;
const HEIGHT = 540;
const FRAME = { left: 74, right: 236, top: 104, bottom: 58 };
const LABEL_GAP = 16;

/** Peers are told apart by hue, and kept behind ours by weight. */
// prettier-ignore
const hues = ['#c2410c', '#a16207', '#4d7c0f', '#0f766e', '#0369a1', '#6d28d9', '#a21caf', '#be123c', '#57534e', '#047857'];

const STYLE = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #57606a }
  .title { font-size: 17px; font-weight: 600; fill: #1f2328 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .line { fill: none; stroke-width: 1.5; stroke-linejoin: round }
  .ours .line { stroke-width: 3.5 }
  .ours text { font-weight: 600 }
  .floor .line { stroke-dasharray: 5 4 }
  .lead { fill: none; stroke-width: 0.75; opacity: 0.5 }
  .back { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 }
    .title { fill: #f0f6fc }
    .grid { stroke: #30363d }
    .back { fill: #0d1117 }
    .peer { filter: brightness(1.5) }
  }`;

/** A line chart on two logarithmic axes, each line named at its end. */
export function chart(of: Chart): string {
  const points = of.series.flatMap((series) => series.points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const ys = points.map(({ y }) => y);
  const bottom = lowerBound(Math.min(...ys));
  const top = upperBound(Math.max(...ys));
  const x = scale(xs[0] ?? 1, xs.at(-1) ?? 10, FRAME.left, WIDTH - FRAME.right);
  const y = scale(bottom, top, HEIGHT - FRAME.bottom, FRAME.top);
  const place = ({ x: px, y: py }: Point): string => `${x(px).toFixed(1)},${y(py).toFixed(1)}`;
  const ends = spreadOut(of.series.map((series) => y(series.points.at(-1)?.y ?? bottom)));
  let peers = 0;
  const lines = of.series.map((series, i) => {
    const color = colorOf(series, () => hues[peers++ % hues.length]!);
    const last = series.points.at(-1);
    if (last === undefined) return '';
    const [endX, endY] = [x(last.x), y(last.y)];
    const labelX = WIDTH - FRAME.right + 22;
    const labelY = ends[i]!;
    const dots = series.points
      .map(
        (point) =>
          `<circle cx="${x(point.x).toFixed(1)}" cy="${y(point.y).toFixed(1)}" r="${series.kind === 'ours' ? 4 : 2.5}" fill="${color}"/>`,
      )
      .join('');
    return `<g class="${series.kind}">
  <polyline class="line" stroke="${color}" points="${series.points.map(place).join(' ')}"/>${dots}
  <path class="lead" stroke="${color}" d="M${(endX + 5).toFixed(1)} ${endY.toFixed(1)} L${labelX - 4} ${labelY.toFixed(1)}"/>
  <text x="${labelX}" y="${(labelY + 4).toFixed(1)}" style="fill:${color}">${escape(series.label)}</text>
</g>`;
  });
  // Ours is drawn last, on top.
  const ordered = [...of.series.keys()].sort((a, b) => rank(of.series[a]!) - rank(of.series[b]!));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(of.title)}">
<style>${STYLE}
</style>
<rect class="back" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text class="title" x="20" y="32">${escape(of.title)}</text>
<text x="20" y="53">${escape(of.subtitle)}</text>
${axes(of, xs, x, y, bottom, top)}
${ordered.map((i) => lines[i]).join('\n')}
</svg>
`;
}

type Scale = (value: number) => number;

function scale(from: number, to: number, start: number, end: number): Scale {
  const [a, b] = [Math.log(from), Math.log(to)];
  return (value) => (b === a ? start : start + ((Math.log(value) - a) / (b - a)) * (end - start));
}

function lowerBound(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return value >= 5 * unit ? 5 * unit : value >= 2 * unit ? 2 * unit : unit;
}

function upperBound(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return value <= unit
    ? unit
    : value <= 2 * unit
      ? 2 * unit
      : value <= 5 * unit
        ? 5 * unit
        : 10 * unit;
}

function ticks(from: number, to: number): number[] {
  const found: number[] = [];
  for (let unit = 10 ** Math.floor(Math.log10(from)); unit <= to; unit *= 10) {
    for (const step of to / from > 500 ? [1] : [1, 2, 5]) {
      if (step * unit >= from * 0.999 && step * unit <= to * 1.001) found.push(step * unit);
    }
  }
  return found;
}

function axes(
  of: Chart,
  xs: readonly number[],
  x: Scale,
  y: Scale,
  from: number,
  to: number,
): string {
  const right = WIDTH - FRAME.right;
  const base = HEIGHT - FRAME.bottom;
  const rows = ticks(from, to).map(
    (value) =>
      `<path class="grid" d="M${FRAME.left} ${y(value).toFixed(1)} H${right}"/><text x="${FRAME.left - 8}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${short(value)}</text>`,
  );
  const columns = xs.map(
    (value) =>
      `<text x="${x(value).toFixed(1)}" y="${base + 20}" text-anchor="middle">${number(value).replace(/\.0+$/, '')}</text>`,
  );
  return [
    ...rows,
    ...columns,
    `<text x="${(FRAME.left + right) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${escape(of.xTitle)}</text>`,
    `<text x="20" y="${FRAME.top - 16}">${escape(of.yTitle)}</text>`,
  ].join('\n');
}

/** Moves labels apart so that none covers another, each as little as its neighbours allow. */
function spreadOut(wanted: readonly number[]): number[] {
  const order = [...wanted.keys()].sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  for (let turn = 0; turn < 500; turn += 1) {
    for (let n = 1; n < order.length; n += 1) {
      const [above, below] = [order[n - 1]!, order[n]!];
      const push = (LABEL_GAP - (placed[below]! - placed[above]!)) / 2;
      if (push <= 0) continue;
      placed[above] = Math.max(FRAME.top - 8, placed[above]! - push);
      placed[below] = Math.min(HEIGHT - 14, placed[below]! + push);
    }
  }
  return placed;
}

function colorOf(series: Series, next: () => string): string {
  if (series.kind === 'floor') return '#8c959f';
  if (series.kind === 'ours') return series.label.includes('fair') ? '#54aeff' : '#0969da';
  return next();
}

function rank({ kind }: Series): number {
  return kind === 'ours' ? 2 : kind === 'peer' ? 1 : 0;
}

function short(value: number): string {
  if (value >= 1_000_000) return `${value / 1_000_000} M`;
  if (value >= 1_000) return `${value / 1_000} k`;
  return String(Number(value.toPrecision(2)));
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
}
