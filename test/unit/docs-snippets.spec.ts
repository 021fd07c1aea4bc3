import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');
const folder = join(root, 'docs/moving-from');

/** The TypeScript blocks of the pages, each as if it were a file beside its page. */
const snippets = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => {
      const page = readFileSync(join(folder, name), 'utf8');
      return [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(
        ([, code = ''], i) => [join(folder, `${name}.${i + 1}.ts`), code] as const,
      );
    }),
);

/** Takes an option that belongs to another library. */
const wrong: [path: string, code: string] = [
  join(folder, 'wrong.ts'),
  `import { RedisLockModule } from 'nest-locked';
RedisLockModule.forRoot({ retryDelay: 1 });
`,
];

/** What the compiler says of files in memory, against lib/ and the packages that are installed. */
function complaints(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const json = { ...(config.config as object), include: [], files: [] };
  const { options } = ts.parseJsonConfigFileContent(json, ts.sys, root);
  // redlock's two majors are installed under names of their own.
  const paths = { ...options.paths, redlock: ['./node_modules/redlock5/dist/index.d.ts'] };
  const compile = { ...options, paths, pathsBasePath: root, types: ['node'] };
  const host = ts.createCompilerHost(compile);
  const onDisk = host.getSourceFile.bind(host);
  host.fileExists = (path) => files.has(path) || ts.sys.fileExists(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? onDisk(path, version, ...rest)
      : ts.createSourceFile(path, text, version);
  };
  const program = ts.createProgram([...files.keys()], compile, host);
  return new Map(
    [...files.keys()].map((path) => {
      const file = program.getSourceFile(path);
      const found = [
        ...program.getSyntacticDiagnostics(file),
        ...program.getSemanticDiagnostics(file),
      ];
      const texts = found.map(({ messageText }) =>
        ts.flattenDiagnosticMessageText(messageText, ' '),
      );
      return [path, texts] as const;
    }),
  );
}

describe('docs/moving-from', () => {
  it('has code that compiles, before and after', () => {
    const found = complaints(new Map([...snippets, wrong]));
    expect(snippets.size).toBeGreaterThanOrEqual(8);
    // A compiler that finds nothing wrong anywhere has not looked.
    expect(found.get(wrong[0])).toEqual([expect.stringContaining('retryDelay')]);
    expect([...snippets.keys()].flatMap((path) => found.get(path) ?? [])).toEqual([]);
  }, 120_000);

  it('is linked from the README, and names files that exist', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const pages = readdirSync(folder);
    expect(pages.filter((name) => !readme.includes(`docs/moving-from/${name}`))).toEqual([]);
    for (const name of pages) {
      const links = readFileSync(join(folder, name), 'utf8').matchAll(/\]\((\.[^)#]*)/g);
      for (const [, link = ''] of links) expect(ts.sys.fileExists(join(folder, link))).toBe(true);
    }
  });
});
