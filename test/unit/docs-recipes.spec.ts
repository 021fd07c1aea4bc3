import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');

/** The pages whose TypeScript is whole programs: each block is compiled as it stands. */
const PAGES = ['docs/leader-election.md'];

/** The blocks of a page, each as a file beside it. */
function blocksOf(page: string): { path: string; text: string }[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block], i) => ({
    path: join(root, `docs/${String(i + 1)}.ts`),
    text: block!,
  }));
}

/** What the compiler says of files that are only in memory, with the options of the project. */
function compile(blocks: { path: string; text: string }[]): string[] {
  const config: unknown = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ).config;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // The work of an example is left out.
  const all: ts.CompilerOptions = { ...options, noUnusedParameters: false, noUnusedLocals: false };
  const host = ts.createCompilerHost(all);
  const texts = new Map(blocks.map(({ path, text }) => [path, text]));
  host.readFile = (path) => texts.get(path) ?? ts.sys.readFile(path);
  host.fileExists = (path) => texts.has(path) || ts.sys.fileExists(path);
  const program = ts.createProgram([...texts.keys()], all, host);
  return ts
    .getPreEmitDiagnostics(program)
    .filter(({ file }) => file && texts.has(file.fileName))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('the recipes of the documentation', () => {
  it.each(PAGES)(
    '%s compiles',
    (page) => {
      const blocks = blocksOf(page);
      expect(blocks.length).toBeGreaterThan(2);
      expect(compile(blocks)).toEqual([]);
    },
    120_000,
  );

  it('and what is wrong in them is found', () => {
    const [block] = blocksOf(PAGES[0]!);
    const wrong = { ...block!, text: block!.text.replace('register(', 'registr(') };
    expect(compile([wrong]).join()).toContain("Property 'registr' does not exist");
  }, 120_000);
});
