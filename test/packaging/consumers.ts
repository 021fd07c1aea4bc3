/** One application that installs the packed tarball: who else is there, and how it compiles. */
export interface Consumer {
  readonly name: string;
  /** The file in `consumer/` that it consists of, without its extension. */
  readonly source: 'app' | 'driverless' | 'script';
  readonly dependencies: Readonly<Record<string, string>>;
  /** What must not be there, however it could have come in. */
  readonly without: readonly string[];
  /** Arguments of `npm install`. */
  readonly install: readonly string[];
  /** tsconfigs, each with the extensions of the consumer's source that it compiles. */
  readonly compilations: readonly Compilation[];
  /** Arguments of Node, after the compilation. */
  readonly runs: readonly (readonly string[])[];
  /** Where the locks are: the source is told the URL, or nothing. */
  readonly stores: readonly ('redis' | 'memory')[];
}

export interface Compilation {
  readonly name: string;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly extensions: readonly string[];
}

const common = {
  target: 'ES2022',
  lib: ['ES2022', 'ESNext.Disposable'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  // Our declarations are checked too, not only what the application makes of them.
  skipLibCheck: false,
};

/** Both kinds of module, and what is run afterwards: out/….mjs and out/….cjs. */
export const nodeNext: Compilation = {
  name: 'NodeNext',
  compilerOptions: {
    ...common,
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    outDir: 'out',
    rootDir: '.',
  },
  extensions: ['mts', 'cts'],
};

const bundler: Compilation = {
  name: 'Bundler',
  compilerOptions: { ...common, module: 'ESNext', moduleResolution: 'Bundler', noEmit: true },
  extensions: ['ts'],
};

/** Reads `main`, `types` and `typesVersions` instead of `exports`, as Nest applications did for years. */
const classic: Compilation = {
  name: 'CommonJS and node10',
  compilerOptions: {
    ...common,
    module: 'CommonJS',
    moduleResolution: 'node10',
    esModuleInterop: true,
    noEmit: true,
  },
  extensions: ['ts'],
};

const node = { '@types/node': '^20.19.0', typescript: '~6.0.0' };
const always = { ...node, 'reflect-metadata': '^0.2.0', rxjs: '^7.8.0' };
const strict = ['--strict-peer-deps'];

export const consumers: readonly Consumer[] = [
  {
    name: 'Nest 11, ioredis 5',
    source: 'app',
    dependencies: {
      ...always,
      '@nestjs/common': '^11.0.0',
      '@nestjs/core': '^11.0.0',
      '@nestjs/platform-express': '^11.0.0',
      ioredis: '^5.0.0',
      typescript: '~5.9.0',
    },
    without: [],
    install: strict,
    compilations: [nodeNext, bundler, classic],
    // The last one is what Jest and older bundlers take: `require` without `module-sync`. Nest 12 has
    // no such half.
    runs: [['out/app.mjs'], ['out/app.cjs'], ['--no-experimental-require-module', 'out/app.cjs']],
    stores: ['redis', 'memory'],
  },
  {
    name: 'Nest 12, ioredis 6',
    source: 'app',
    dependencies: {
      ...always,
      '@nestjs/common': '^12.0.0',
      '@nestjs/core': '^12.0.0',
      '@nestjs/platform-express': '^12.0.0',
      ioredis: '^6.0.0',
    },
    without: [],
    install: strict,
    compilations: [nodeNext, bundler],
    runs: [['out/app.mjs'], ['out/app.cjs']],
    stores: ['redis', 'memory'],
  },
  {
    name: 'Nest 12, no driver',
    source: 'driverless',
    dependencies: { ...always, '@nestjs/common': '^12.0.0', '@nestjs/core': '^12.0.0' },
    without: ['ioredis'],
    install: strict,
    compilations: [nodeNext, bundler],
    runs: [['out/driverless.mjs'], ['out/driverless.cjs']],
    stores: ['memory'],
  },
  {
    name: 'no Nest, ioredis 6',
    source: 'script',
    // TypeScript 6 calls node10 deprecated.
    dependencies: { ...node, ioredis: '^6.0.0', typescript: '~5.9.0' },
    without: ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata'],
    install: ['--omit=peer'],
    compilations: [nodeNext, bundler, classic],
    runs: [
      ['out/script.mjs'],
      ['out/script.cjs'],
      ['--no-experimental-require-module', 'out/script.cjs'],
    ],
    stores: ['redis', 'memory'],
  },
  {
    name: 'no Nest, no driver',
    source: 'script',
    dependencies: node,
    without: ['@nestjs/common', '@nestjs/core', 'rxjs', 'reflect-metadata', 'ioredis'],
    install: ['--omit=peer'],
    compilations: [nodeNext],
    runs: [['out/script.mjs'], ['out/script.cjs']],
    stores: ['memory'],
  },
];
