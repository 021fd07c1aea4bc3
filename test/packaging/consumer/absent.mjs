// `node absent.mjs <package…>`: they are nowhere to be found from here.
import assert from 'node:assert/strict';

for (const name of process.argv.slice(2)) {
  await assert.rejects(import(name), { code: 'ERR_MODULE_NOT_FOUND' }, `${name} is there`);
}
