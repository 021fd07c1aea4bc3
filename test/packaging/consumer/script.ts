/**
 * A script without Nest, compiled and run against the packed tarball: `node script <redis url>` or,
 * without an argument, on the memory store. Ends with code 0 when all was as it should be.
 */
import assert from 'node:assert/strict';
import {
  currentLock,
  LockBusyError,
  LockService,
  type LockStore,
  MemoryStore,
  RedisStore,
} from 'nest-locked/core';

const url = process.argv[2];

async function openStore(): Promise<LockStore> {
  if (url !== undefined) return RedisStore.open({ connection: url });
  return new MemoryStore();
}

async function main(): Promise<void> {
  const locks = new LockService({ store: await openStore() });
  const answer = await locks.using('report:today', async (lock) => {
    assert.ok(lock.isHeld());
    assert.equal(currentLock(), lock);
    return Promise.resolve(42);
  });
  assert.equal(answer, 42);
  const lock = await locks.acquire('report:today');
  await assert.rejects(locks.acquire('report:today', { waitTime: 0 }), LockBusyError);
  assert.equal(await locks.tryAcquire('report:today'), null);
  assert.equal(await lock.release(), true);
  await locks.close();
  console.log('as it should be');
}

void main();
