/**
 * `npm run bench:types`: what the checks of `@Locked` cost the compiler. `tsc` on 500 locked methods, and on the
 * same methods under decorators that check nothing, in alternating rounds; the median of each.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const METHODS = 500;
const PER_CLASS = 10;
const ROUNDS = 7;
const root = join(import.meta.dirname, '..');
const work = mkdtempSync(join(tmpdir(), 'nest-locked-types-'));

const KEYS = [
  `'order:<0.id>'`,
  `'order:<0.tenant.name>:<1>'`,
  `['order:<0.id>', 'user:<1>']`,
  '(order: Order) => `order:${order.id}`',
  `'stock:<0.lines.0.sku>'`,
];

/** As many methods, under the decorator that `locked` gives. */
function program(head: string): string {
  const classes: string[] = [
    head,
    'interface Order { id: number; tenant: { name: string }; lines: { sku: string }[] }',
  ];
  for (let at = 0; at < METHODS; at += PER_CLASS) {
    const methods = Array.from({ length: PER_CLASS }, (_, i) => {
      const key = KEYS[(at + i) % KEYS.length] ?? '';
      const options = i % 2 === 0 ? '' : `, { waitTime: 0, whenBusy: 'skip' }`;
      return `  @Locked(${key}${options})\n  async m${i}(order: Order, user: string): Promise<string | undefined> { return user; }`;
    });
    classes.push(`export class C${at} {\n${methods.join('\n')}\n}`);
  }
  return classes.join('\n');
}

function prepare(name: string, head: string): string {
  const folder = join(work, name);
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'main.ts'), program(head));
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: 'ES2022',
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    experimentalDecorators: true,
    skipLibCheck: true,
    types: [],
    paths: { 'nest-locked': [join(root, 'dist/cjs/index.d.ts')] },
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['main.ts'] }),
  );
  return folder;
}

function compile(folder: string): number {
  const before = process.hrtime.bigint();
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  return Number(process.hrtime.bigint() - before) / 1e6;
}

const median = (all: readonly number[]): number =>
  [...all].sort((a, b) => a - b)[all.length >> 1] ?? 0;

// Both load the same declarations: what is compared is the decorator.
const UNCHECKED = `import { Locked as Real } from 'nest-locked';
export const real: typeof Real = Real;
declare function Locked(key: unknown, options?: object): <M>(target: object, property: string | symbol, descriptor: TypedPropertyDescriptor<M>) => void;`;
const folders = [
  prepare('unchecked', UNCHECKED),
  prepare('checked', `import { Locked } from 'nest-locked';`),
] as const;
const times: [number[], number[]] = [[], []];
for (const folder of folders) compile(folder);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [i, folder] of folders.entries()) times[i]?.push(compile(folder));
}
const [without, checked] = times.map(median) as [number, number];
console.log(
  `tsc, ${METHODS} methods: ${Math.round(without)} ms unchecked, ${Math.round(checked)} ms checked, ${((checked / without - 1) * 100).toFixed(1)} % more`,
);
rmSync(work, { recursive: true });
