import { existsSync } from 'node:fs';
import { join } from 'node:path';
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// Packages of their own: without their dependencies every import of theirs would be an error type,
// so they are linted with types where they are installed (as in .ci/run), and without elsewhere.
const packages = ['bench', 'sample-app'];
const isInstalled = (name) => existsSync(join(import.meta.dirname, name, 'node_modules'));
const untyped = packages.filter((name) => !isInstalled(name)).map((name) => `${name}/**/*.ts`);

/** Imports point one way: locked/ -> lock/ -> stores/lock-store.ts <- each store. */
const oneWay = (files, regex, message) => ({
  files: [files],
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex, message }] }] },
});

export default tseslint.config(
  {
    ignores: ['**/dist/', '**/node_modules/', 'coverage/', 'bench/results/', 'sample-app/public/'],
  },
  eslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.mts', '**/*.cts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A Nest module is a class with nothing in it but its decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // It takes a constructor that only makes an inherited protected one public for useless.
      '@typescript-eslint/no-useless-constructor': 'off',
      // Nest declares its option bags as classes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      // What a test has just put there is there.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A handler or task that must be async but has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  ...(untyped.length > 0
    ? [
        {
          files: untyped,
          extends: [tseslint.configs.disableTypeChecked],
          rules: { '@typescript-eslint/switch-exhaustiveness-check': 'off' },
        },
      ]
    : []),
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        clearInterval: 'readonly',
        clearTimeout: 'readonly',
        console: 'readonly',
        exports: 'writable',
        fetch: 'readonly',
        module: 'writable',
        performance: 'readonly',
        process: 'readonly',
        require: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        setTimeout: 'readonly',
        URL: 'readonly',
      },
    },
  },
  oneWay(
    'lib/locked/**',
    '/stores/(?!lock-store\\.js$)|/redis-lock\\.module\\.js$',
    'locked/ knows lock/ and nothing of how locks are stored or wired.',
  ),
  oneWay(
    'lib/lock/**',
    '/locked/|/stores/(?!(lock-store|owner)\\.js$)|/redis-lock\\.',
    'lock/ knows the store contract only: no decorator, no particular store, no wiring.',
  ),
  oneWay(
    'lib/stores/**',
    '/lock/|/locked/|/redis-lock\\.',
    'A store knows the store contract only: nothing of holding, decorating or wiring.',
  ),
  ...['memory', 'redis', 'quorum'].map((store) =>
    oneWay(
      `lib/stores/${store}/**`,
      `/lock/|/locked/|/redis-lock\\.|/(?!${store}/)(memory|redis|quorum)/`,
      'A store knows the store contract only: nothing of holding, wiring, or another store.',
    ),
  ),
);
