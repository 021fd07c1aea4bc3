import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { UNUSED_ALLOWED, codeBlocks, complaints } from '../support/compile-docs.js';

const root = join(__dirname, '../..');
const folder = join(root, 'docs/moving-from');
const MOVING = readdirSync(folder).filter((name) => name.endsWith('.md'));

/** The pages whose TypeScript is whole programs: each block is compiled, and run, as it stands. */
const PAGES = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)]
  .filter((page) => page.endsWith('.md'))
  .filter((page) => codeBlocks(page).size > 0);

/** Takes an option that belongs to another library. */
const WRONG: [path: string, code: string] = [
  join(folder, 'wrong.ts'),
  `import { RedisLockModule } from 'nest-locked';
RedisLockModule.forRoot({ retryDelay: 1 });
`,
];

describe('the code of the documentation', () => {
  it('compiles, before and after a move from another library', () => {
    const snippets = new Map(MOVING.flatMap((name) => [...codeBlocks(`docs/moving-from/${name}`)]));
    const found = complaints(new Map([...snippets, WRONG]));
    expect(snippets.size).toBeGreaterThanOrEqual(8);
    // A compiler that finds nothing wrong anywhere has not looked.
    expect(found.get(WRONG[0])).toEqual([expect.stringContaining('retryDelay')]);
    expect([...snippets.keys()].flatMap((path) => found.get(path) ?? [])).toEqual([]);
  }, 120_000);

  it.each(PAGES)(
    'compiles in %s',
    (page) => {
      const blocks = codeBlocks(page);
      expect([...complaints(blocks, UNUSED_ALLOWED).values()].flat()).toEqual([]);
    },
    120_000,
  );

  it('and what is wrong in it is found', () => {
    const [[path, code] = ['', '']] = codeBlocks('docs/leader-election.md');
    const wrong = new Map([[path, code.replace('register(', 'registr(')]]);
    const found = complaints(wrong, UNUSED_ALLOWED);
    expect([...found.values()].flat().join()).toContain("Property 'registr' does not exist");
  }, 120_000);

  it('docs/moving-from is linked from the README, and names files that exist', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(MOVING.filter((name) => !readme.includes(`docs/moving-from/${name}`))).toEqual([]);
    for (const name of MOVING) {
      const links = readFileSync(join(folder, name), 'utf8').matchAll(/\]\((\.[^)#]*)/g);
      for (const [, link = ''] of links) expect(existsSync(join(folder, link))).toBe(true);
    }
  });
});
