import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, 'lib', path), 'utf8') }));

/** Words that were used once, with a standard term beside them now. */
const BANNED = ['line', 'tenure', 'era', 'ride', 'desk'];

/** `KeyQueue` and `key_queue` are key and queue. */
function partsOf(identifier: string): string[] {
  return identifier
    .split(/(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_$#\d]+/)
    .map((part) => part.toLowerCase())
    .filter((part) => part !== '');
}

/** The identifiers and the files of all of lib/, by the parts of their names. */
function vocabulary(): Map<string, string> {
  const words = new Map<string, string>();
  for (const { path, text } of sources) {
    for (const part of basename(path, '.ts').split(/[-.]/)) words.set(part, `lib/${path}`);
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
    const visit = (node: ts.Node): void => {
      if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) {
        for (const part of partsOf(node.text)) {
          words.set(part, `${node.text} in lib/${path}`);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return words;
}

/** The first column of the table under `## The words`. */
function wordsOfThePage(): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith('The words')) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) => (row.split('|')[1] ?? '').replace(/[`*]/g, '').trim());
}

/** Whether the identifiers have all parts of a word: `fencing token`, `hand-over`. */
function isInUse(word: string, words: ReadonlyMap<string, string>): boolean {
  return word.split(/[\s-]+/).every((part) => words.has(part) || words.has(`${part}s`));
}

describe('docs/architecture.md', () => {
  it('names every file of lib/', () => {
    const isNamed = (path: string): boolean => {
      const name = basename(path, '.ts').replaceAll('.', '\\.');
      // Not as a part of another name: `lock` in `lock-mode` or `lock.errors`.
      return new RegExp(`(?<![\\w.-])${name}(?:\\.ts)?(?![\\w-]|\\.\\w)`).test(page);
    };
    expect(sources.map(({ path }) => path).filter((path) => !isNamed(path))).toEqual([]);
  });

  it('names each word of its table as the code does', () => {
    const words = vocabulary();
    const named = wordsOfThePage();
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((word) => !isInUse(word, words))).toEqual([]);
  });
});

/** The packages that a file of lib/ brings in when it is loaded, by way of all it imports. */
function packagesOf(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return new Set();
  seen.add(path);
  const text = readFileSync(path, 'utf8');
  const { statements } = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
  const found = new Set<string>();
  for (const statement of statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const isType = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    if (isType || !statement.moduleSpecifier) continue;
    const source = (statement.moduleSpecifier as ts.StringLiteral).text;
    if (!source.startsWith('.')) found.add(source);
    else {
      const next = join(dirname(path), source.replace(/\.js$/, '.ts'));
      for (const name of packagesOf(next, seen)) found.add(name);
    }
  }
  return found;
}

describe('lib/', () => {
  it('loads no package that is optional, and core.ts nothing of Nest', () => {
    const nest = /^(node:.*|rxjs|reflect-metadata|@nestjs\/(common|core)(\/.*)?)$/;
    const packages = [...packagesOf(join(root, 'lib/index.ts'))];
    expect(packages).toContain('@nestjs/core');
    expect(packages.filter((name) => !nest.test(name))).toEqual([]);
    const core = [...packagesOf(join(root, 'lib/core.ts'))];
    expect(core.filter((name) => !name.startsWith('node:'))).toEqual([]);
  });

  it('has one word for each thing', () => {
    const words = vocabulary();
    expect(BANNED.flatMap((word) => words.get(word) ?? words.get(`${word}s`) ?? [])).toEqual([]);
  });
});
