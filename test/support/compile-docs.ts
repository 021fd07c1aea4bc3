import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');

/** The TypeScript blocks of a page, each as if it were a file beside it, by their paths. */
export function codeBlocks(page: string): Map<string, string> {
  const text = readFileSync(join(root, page), 'utf8');
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```/gms)];
  return new Map(blocks.map(([, code = ''], i) => [join(root, `${page}.${i + 1}.ts`), code]));
}

/** The work of an example is left out. */
export const UNUSED_ALLOWED: ts.CompilerOptions = {
  noUnusedLocals: false,
  noUnusedParameters: false,
};

/** What the compiler says of each of some files in memory, against lib/ and the packages that are installed. */
export function complaints(
  files: ReadonlyMap<string, string>,
  further: ts.CompilerOptions = {},
): Map<string, string[]> {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const json = { ...(config.config as object), include: [], files: [] };
  const { options } = ts.parseJsonConfigFileContent(json, ts.sys, root);
  // redlock's two majors are installed under names of their own.
  const paths = { ...options.paths, redlock: ['./node_modules/redlock5/dist/index.d.ts'] };
  const compile: ts.CompilerOptions = {
    ...options,
    paths,
    pathsBasePath: root,
    types: ['node'],
    ...further,
  };
  const host = ts.createCompilerHost(compile);
  host.readFile = (path) => files.get(path) ?? ts.sys.readFile(path);
  host.fileExists = (path) => files.has(path) || ts.sys.fileExists(path);
  const program = ts.createProgram([...files.keys()], compile, host);
  return new Map(
    [...files.keys()].map((path) => {
      const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(path));
      const texts = found.map(({ messageText }) =>
        ts.flattenDiagnosticMessageText(messageText, ' '),
      );
      return [path, texts] as const;
    }),
  );
}
