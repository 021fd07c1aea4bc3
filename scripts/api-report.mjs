// `npm run api`: writes docs/api from the built declarations, one page for each entry point: what
// a user can see, and nothing else. `npm run api -- --check` compares instead. Both fail when
// something public mentions what is not.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import prettier from 'prettier';
import ts from 'typescript';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist/esm');
const pages = join(root, 'docs/api');

/** Each entry point, and the packages that its declarations must do without. */
const ENTRIES = [
  { name: 'nest-locked', file: 'index', page: 'nest-locked', without: /^ioredis/ },
  {
    name: 'nest-locked/core',
    file: 'core',
    page: 'core',
    without: /^(@nestjs|rxjs|reflect-metadata|ioredis)/,
  },
  // Their declarations name nothing of the library that they are for.
  {
    name: 'nest-locked/typeorm-transactional',
    file: 'transactions/typeorm-transactional',
    page: 'typeorm-transactional',
    without: /^(?!node:)/,
  },
  {
    name: 'nest-locked/cls-transactional',
    file: 'transactions/cls-transactional',
    page: 'cls-transactional',
    without: /^(?!node:)/,
  },
];

const paths = ENTRIES.map(({ file }) => join(dist, `${file}.d.ts`));
const missing = paths.filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`${missing.map((path) => relative(root, path)).join(', ')}: npm run build first`);
  process.exit(1);
}
const program = ts.createProgram(paths, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  skipLibCheck: true,
});
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });

const isOurs = (node) => node.getSourceFile().fileName.startsWith(`${dist}/`);
const resolve = (symbol) =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
const isType = (symbol) =>
  (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Value)) === 0 ? 'type ' : '';

/** A name of a constant's own is not public, but what stands behind it is: `typeof X`, `extends X`. */
const isConstant = (declaration) => ts.isVariableDeclaration(declaration);

function isHidden(member) {
  const modifiers = ts.getCombinedModifierFlags(member);
  if (modifiers & ts.ModifierFlags.Private) return true;
  if (member.name && ts.isPrivateIdentifier(member.name)) return true;
  return ts.getJSDocTags(member).some(({ tagName }) => tagName.text === 'internal');
}

/** The declaration without what is none of a user's business. */
function publicPart(declaration) {
  if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) {
    return declaration;
  }
  const members = declaration.members.filter((member) => !isHidden(member));
  const { modifiers, name, typeParameters, heritageClauses } = declaration;
  return ts.isClassDeclaration(declaration)
    ? ts.factory.createClassDeclaration(modifiers, name, typeParameters, heritageClauses, members)
    : ts.factory.createInterfaceDeclaration(
        modifiers,
        name,
        typeParameters,
        heritageClauses,
        members,
      );
}

/** All declarations that the public part of this one names. */
function mentions(declaration) {
  const found = new Set();
  const visit = (node) => {
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      if (symbol) found.add(resolve(symbol));
    }
    ts.forEachChild(node, visit);
  };
  // The parts are nodes of the program still, even where the whole has been put together here.
  ts.forEachChild(publicPart(declaration), visit);
  return found;
}

function report({ name, file, without }) {
  const source = program.getSourceFile(join(dist, `${file}.d.ts`));
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
  const targets = new Map(exported.map((symbol) => [resolve(symbol), symbol.name]));
  const faults = new Set();
  const behind = new Map();

  const look = (declaration, label) => {
    if (ts.getJSDocTags(declaration).some(({ tagName }) => tagName.text === 'internal')) {
      faults.add(`${label} is marked @internal`);
    }
    for (const symbol of mentions(declaration)) {
      for (const target of symbol.declarations ?? []) {
        if (!isOurs(target) || targets.has(symbol) || !isTopLevel(target)) continue;
        // What the compiler works out has no name for a user: its outcome is `unknown`, or words.
        if (ts.isTypeAliasDeclaration(target) && ts.isConditionalTypeNode(target.type)) continue;
        if (!isConstant(target)) {
          faults.add(`${label} mentions ${symbol.name} (${where(target)}), which is not exported`);
        } else if (!behind.has(symbol)) {
          behind.set(symbol, target);
          look(target, `${symbol.name}, behind ${label},`);
        }
      }
    }
  };

  const sections = exported
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map((symbol) => {
      const declarations = resolve(symbol).declarations ?? [];
      for (const declaration of declarations) look(declaration, symbol.name);
      return `## ${isType(resolve(symbol))}${symbol.name}\n\n${code(declarations)}`;
    });
  for (const [path, specifier] of packagesOf(source)) {
    if (without.test(specifier)) faults.add(`${path} imports ${specifier}`);
  }
  const constants = [...behind.values()].map((target) => code([target])).toSorted();
  return {
    faults: [...faults].map((fault) => `${name}: ${fault}`),
    names: new Map(exported.map((symbol) => [symbol.name, resolve(symbol)])),
    text: [
      `# The public names of \`${name}\``,
      'Written by `npm run api` from the built declarations, and compared by `.ci/run`.',
      ...sections,
      ...(constants.length > 0 ? ['## Behind these', ...constants] : []),
    ].join('\n\n'),
  };
}

/** Declared in a file, and not a member, a parameter or a type parameter of something there. */
function isTopLevel(declaration) {
  const parent = ts.isVariableDeclaration(declaration)
    ? declaration.parent.parent.parent
    : declaration.parent;
  return ts.isSourceFile(parent);
}

function code(declarations) {
  const blocks = declarations.map((declaration) => {
    const file = declaration.getSourceFile();
    const text = printer.printNode(ts.EmitHint.Unspecified, publicPart(declaration), file);
    return isConstant(declaration) ? `const ${text};` : text.replace(/^export (declare )?/, '');
  });
  return `\`\`\`ts\n${blocks.join('\n')}\n\`\`\``;
}

function where(declaration) {
  return relative(dist, declaration.getSourceFile().fileName).replace(/\.d\.ts$/, '');
}

/** What the declarations of an entry import from packages, over however many files. */
function packagesOf(entry) {
  const seen = new Set();
  const found = [];
  const visit = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { fileName: specifier } of ts.preProcessFile(file.text).importedFiles) {
      const path = join(dirname(file.fileName), specifier.replace(/\.js$/, '.d.ts'));
      const next = specifier.startsWith('.') && program.getSourceFile(path);
      if (next) visit(next);
      else found.push([relative(dist, file.fileName), specifier]);
    }
  };
  visit(entry);
  return found;
}

const reports = ENTRIES.map(report);
const faults = reports.flatMap((one) => one.faults);
const [index, core] = reports;
for (const [name, symbol] of core.names) {
  if (index.names.get(name) !== symbol) {
    faults.push(`nest-locked/core: ${name} is not the same in nest-locked`);
  }
}
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

const check = process.argv.includes('--check');
const work = mkdtempSync(join(tmpdir(), 'nest-locked-api-'));
try {
  for (const [i, { page }] of ENTRIES.entries()) {
    const path = join(pages, `${page}.md`);
    const options = await prettier.resolveConfig(path);
    const text = await prettier.format(reports[i].text, { ...options, filepath: path });
    if (!check) {
      mkdirSync(pages, { recursive: true });
      writeFileSync(path, text);
      continue;
    }
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    const built = join(work, basename(path));
    writeFileSync(built, text);
    const kept = existsSync(path) ? path : '/dev/null';
    spawnSync('git', ['diff', '--no-index', '--no-color', kept, built], { stdio: 'inherit' });
    console.error(`${relative(root, path)} is not what was built: if it should be, npm run api`);
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
