// `node identity.mjs <entry point…>`: one process, all doors. Whoever imports and whoever requires
// must meet the same classes, through every entry point, or `instanceof` and injection by type
// fail between them.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const seen = new Map();

for (const entry of process.argv.slice(2)) {
  const imported = await import(entry);
  const required = require(entry);
  const names = Object.keys(imported);
  assert.equal(typeof imported.LockService, 'function');
  assert.deepEqual(
    names.filter((name) => imported[name] !== required[name]),
    [],
  );
  assert.deepEqual(
    Object.keys(required).filter((name) => !(name in imported)),
    [],
  );
  for (const name of names) {
    assert.equal(imported[name], seen.get(name) ?? imported[name], `${name} of ${entry}`);
    seen.set(name, imported[name]);
  }
}
