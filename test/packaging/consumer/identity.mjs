// One process, both doors: whoever imports and whoever requires must meet the same classes, or
// `instanceof` and injection by type fail between them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from 'nest-locked';

const required = createRequire(import.meta.url)('nest-locked');
const names = Object.keys(imported);

assert.ok(names.includes('LockService'));
assert.equal(typeof imported.LockService, 'function');
assert.deepEqual(
  names.filter((name) => imported[name] !== required[name]),
  [],
);
assert.deepEqual(
  Object.keys(required).filter((name) => !(name in imported)),
  [],
);
