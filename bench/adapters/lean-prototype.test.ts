import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../test/support/redis-server.js';
import { contendersOf } from '../runner/library.js';
import { contend } from '../runner/load.js';
import { leanPrototype } from './lean-prototype.js';

let server: RedisServer;
let admin: Redis;

before(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
after(async () => {
  admin.disconnect();
  await server.stop();
});

for (const { variant } of contendersOf(leanPrototype)) {
  void test(`the prototype, ${variant}: excludes others, and lets go of its own lock only`, async () => {
    const target = { host: '127.0.0.1', port: server.port, leaseTime: 10_000, waitTime: 1_000 };
    const [one, other] = await Promise.all([
      leanPrototype.open(target, variant),
      leanPrototype.open(target, variant),
    ]);
    const keys = Array.from({ length: 50 }, (_, n) => `key:${n}`);
    const held = await Promise.all(keys.map((key) => one.acquire(key)));
    assert.ok((await admin.pttl('key:0')) > 9_000);
    const refused = await Promise.allSettled(
      [...keys, 'free'].map(async (key) => other.acquire(key)),
    );
    const granted = refused.filter(({ status }) => status === 'fulfilled');
    assert.equal(granted.length, 1);

    // Somebody else has it by now: what is stored is not this owner's.
    await admin.set('key:7', 'foreign');
    assert.deepEqual(
      await Promise.all(held.map((handle) => one.release(handle))),
      keys.map((key) => key !== 'key:7'),
    );
    assert.deepEqual((await admin.keys('*')).sort(), ['free', 'key:7']);
    await admin.flushall();

    const plan = { key: 'hot', callers: 16, hold: 1, limit: 200, repeat: true, notes: false };
    const { served, violations } = await contend(one, plan);
    assert.equal(violations, 0);
    assert.ok(served.some((count) => count > 0));
    await Promise.all([one.close(), other.close()]);
  });
}
