/** One application that installs the packed tarball: who else is there, and how it compiles. */
export interface Consumer {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  /** tsconfigs, each with the consumer's files that it compiles. */
  readonly compilations: readonly Compilation[];
  /** Arguments of Node, after the compilation. */
  readonly runs: readonly (readonly string[])[];
}

export interface Compilation {
  readonly name: string;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
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

/** Both kinds of module, and what is run afterwards: out/app.mjs and out/app.cjs. */
const nodeNext: Compilation = {
  name: 'NodeNext',
  compilerOptions: {
    ...common,
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    outDir: 'out',
    rootDir: '.',
  },
  files: ['app.mts', 'app.cts'],
};

const bundler: Compilation = {
  name: 'Bundler',
  compilerOptions: { ...common, module: 'ESNext', moduleResolution: 'Bundler', noEmit: true },
  files: ['app.ts'],
};

/** Reads `main` and `types` instead of `exports`, as Nest applications did for years. */
const classic: Compilation = {
  name: 'CommonJS and node10',
  compilerOptions: {
    ...common,
    module: 'CommonJS',
    moduleResolution: 'node10',
    esModuleInterop: true,
    noEmit: true,
  },
  files: ['app.ts'],
};

const always = { 'reflect-metadata': '^0.2.0', rxjs: '^7.8.0', '@types/node': '^20.19.0' };

export const consumers: readonly Consumer[] = [
  {
    name: 'Nest 11, ioredis 5',
    dependencies: {
      ...always,
      '@nestjs/common': '^11.0.0',
      '@nestjs/core': '^11.0.0',
      '@nestjs/platform-express': '^11.0.0',
      ioredis: '^5.0.0',
      typescript: '~5.9.0',
    },
    compilations: [nodeNext, bundler, classic],
    // The last one is what Jest and older bundlers take: `require` without `module-sync`. Nest 12 has
    // no such half.
    runs: [['out/app.mjs'], ['out/app.cjs'], ['--no-experimental-require-module', 'out/app.cjs']],
  },
  {
    name: 'Nest 12, ioredis 6',
    dependencies: {
      ...always,
      '@nestjs/common': '^12.0.0',
      '@nestjs/core': '^12.0.0',
      '@nestjs/platform-express': '^12.0.0',
      ioredis: '^6.0.0',
      typescript: '~6.0.0',
    },
    compilations: [nodeNext, bundler],
    runs: [['out/app.mjs'], ['out/app.cjs']],
  },
];
