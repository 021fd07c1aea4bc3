import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// Packages of their own: without their dependencies every import of theirs would be an error type,
// so they are linted with types where they are installed (as in .ci/run), and without elsewhere.
const packages = ['bench', 'sample-app'];
const isInstalled = (name) => existsSync(join(import.meta.dirname, name, 'node_modules'));
const untyped = packages.filter((name) => !isInstalled(name)).map((name) => `${name}/**/*.ts`);

/**
 * Which rooms of lib/ a room may import: imports point one way,
 * module/ -> locked/ -> leader/ -> lock/ -> the store contract <- each store. A name with a slash stands for all
 * below it.
 */
const MAY_IMPORT = {
  // The faces name what is public; core.ts leaves out all that needs Nest.
  index: [
    'clock',
    'deferred',
    'outside',
    'fencing/',
    'leader/',
    'lock/',
    'locked/',
    'module/',
    'stores/',
    'transactions/',
  ],
  core: [
    'clock',
    'deferred',
    'outside',
    'fencing/',
    'leader/',
    'lock/',
    'stores/',
    'transactions/',
  ],
  // Entry points of their own: each is loaded by those who have its peer.
  'opentelemetry/': ['lock/lock-events'],
  'terminus/': ['lock/'],
  'testing/': [
    'clock',
    'outside',
    'lock/',
    'module/',
    'stores/lock-mode',
    'stores/lock-store',
    'stores/owner',
    'stores/memory/',
  ],
  // What wires the rest: nobody imports it but index.ts and testing/.
  'module/': ['clock', 'deferred', 'outside', 'leader/', 'lock/', 'locked/', 'stores/'],
  'locked/': [
    'clock',
    'deferred',
    'outside',
    'leader/',
    'lock/',
    'stores/lock-mode',
    'stores/lock-store',
  ],
  // Who leads is a lock that is held; without Nest, as core.ts has it.
  'leader/': ['clock', 'deferred', 'outside', 'lock/', 'stores/store-log'],
  'lock/': [
    'clock',
    'deferred',
    'outside',
    'stores/lock-mode',
    'stores/lock-store',
    'stores/store-log',
  ],
  // The contract, and what several stores share.
  'stores/': ['clock', 'deferred', 'outside'],
  // What tells locks of transactions; a library's is an entry point of its own.
  'transactions/': ['lock/lock.errors', 'lock/until'],
  'fencing/': [],
  clock: [],
  deferred: [],
  outside: [],
};

/** Which packages a room may import at run time; types cost nothing, but see each store. */
const MAY_LOAD = {
  index: [],
  core: [],
  'module/': ['@nestjs/', 'rxjs'],
  'locked/': ['@nestjs/', 'rxjs', 'reflect-metadata'],
  'opentelemetry/': ['@opentelemetry/api'],
  'terminus/': ['@nestjs/'],
  'testing/': ['@nestjs/common'],
};
/** Optional peers that are imported at the top: of these files, each an entry point of its own. */
const ENTRIES = {
  'transactions/cls-transactional': ['@nestjs-cls/transactional'],
  'transactions/typeorm-transactional': ['typeorm-transactional'],
};
/** Optional peers: loaded by their store when it opens, never by an import at the top. */
const DRIVERS = ['ioredis', 'pg', 'node-zookeeper-client'];

const lib = join(import.meta.dirname, 'lib');

/** The room of a file, and its path in lib/ without the extension. */
function placeOf(file) {
  const path = relative(lib, file)
    .replaceAll('\\', '/')
    .replace(/\.[jt]s$/, '');
  const [first, second, ...rest] = path.split('/');
  if (second === undefined) return { path, room: path };
  // Each store is a room of its own inside stores/.
  const isStore = first === 'stores' && rest.length > 0;
  return { path, room: `${first}/`, store: isStore ? `stores/${second}/` : undefined };
}

function faultOf(from, source, isType) {
  const { path, room, store } = placeOf(from);
  if (!Object.hasOwn(MAY_IMPORT, room)) {
    return `eslint.config.js does not say what lib/${room} may import.`;
  }
  const isIn = (path, places) =>
    places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
  if (source.startsWith('.')) {
    const to = placeOf(resolve(dirname(from), source));
    const places = [...MAY_IMPORT[room]];
    if (room.endsWith('/') && room !== 'stores/') places.push(room);
    if (store !== undefined) places.push(store);
    // What lies directly in stores/ belongs to all stores; what lies below belongs to one.
    if (room === 'stores/' && to.room === room && to.store === undefined) return undefined;
    return isIn(to.path, places) ? undefined : `lib/${room} must not import lib/${to.path}.`;
  }
  if (source.startsWith('node:')) return undefined;
  if (DRIVERS.includes(source)) {
    return isType && store !== undefined
      ? undefined
      : `${source} is an optional peer: a store loads it by import() when it opens.`;
  }
  const names = [...(MAY_LOAD[room] ?? []), ...(ENTRIES[path] ?? [])];
  const isKnown = names.some((name) => source.startsWith(name));
  return isKnown ? undefined : `lib/${room} must not import ${source}.`;
}

const oneWay = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const check = (node, source, isType) => {
      const fault = source && faultOf(context.filename, String(source.value), isType);
      if (fault) context.report({ node, message: fault });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source, node.importKind === 'type'),
      ExportNamedDeclaration: (node) => check(node, node.source, node.exportKind === 'type'),
      ExportAllDeclaration: (node) => check(node, node.source, node.exportKind === 'type'),
      // Loads when it is reached: as good as a type, for what may be missing.
      ImportExpression: (node) => check(node, node.source, true),
      TSImportType: (node) => check(node, node.source ?? node.argument?.literal, true),
    };
  },
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      '**/node_modules/',
      'coverage/',
      'reference/',
      'bench/results/',
      'sample-app/public/',
    ],
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
  {
    files: ['lib/**/*.ts'],
    plugins: { house: { rules: { 'one-way': oneWay } } },
    rules: {
      'house/one-way': 'error',
      'max-lines': ['error', 270],
    },
  },
);
