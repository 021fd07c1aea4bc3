import { availableParallelism } from 'node:os';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testRegex: '\\.spec\\.ts$',
  transform: { '^.+\\.[jt]s$': '@swc/jest' },
  // Nest 12 is ESM only, and so is what Mercurius brings: transformed like our own sources.
  transformIgnorePatterns: [
    '/node_modules/(?!@nestjs/|mercurius/|quick-lru/|(?:.+/)?content-disposition/)',
  ],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testTimeout: 30_000,
  // Most suites wait for servers and leases more than they compute: three of them share two cores well.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // What a suite has loaded, and each AsyncLocalStorage it has made, stays in its process and slows
  // down the next: a worker that has grown is replaced.
  workerIdleMemoryLimit: '500MB',
};
