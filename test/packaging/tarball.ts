import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const expected = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|(dist|lib)\/.+)$/;
const tooling = /tsconfig|\.spec\.|\.test\.|\.tsbuildinfo|__/;

/** What is wrong with the files of an unpacked tarball, a sentence each; empty when all is well. */
export function faultsOfTarball(directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
  const faults = files
    .filter((file) => !expected.test(file) || tooling.test(file))
    .map((file) => `${file} does not belong in the tarball`);
  for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/cjs/package.json'])
    if (!files.includes(file)) faults.push(`${file} is missing`);
  for (const file of files.filter((name) => name.endsWith('.map')))
    faults.push(...faultsOfMap(directory, file));
  for (const half of ['esm', 'cjs'])
    if (
      !readFileSync(join(directory, `dist/${half}/lock/lock.service.d.ts`), 'utf8').includes('/**')
    )
      faults.push(`dist/${half} has lost the documentation of its types`);
  return faults;
}

function faultsOfMap(directory: string, file: string): string[] {
  const { sources } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as {
    sources: string[];
  };
  return sources
    .filter((source) => {
      const path = resolve(directory, dirname(file), source);
      return relative(directory, path).startsWith('..') || !existsSync(path);
    })
    .map((source) => `${file} points at ${source}, which is not shipped`);
}
