import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launch, type Shop } from '../src/launch/launch.js';
import { redisOnPath } from '../src/launch/private-redis.js';
import type { Mode } from '../src/products/product.js';
import { runStorm, type StormResult } from '../src/storm/storm.js';
import { RUSH, SLOW, type StormPlan } from '../src/storm/storm.plans.js';

const shops = [
  { title: 'one instance on the memory store', options: { memory: true }, instances: 1 },
  {
    title: 'three instances on Redis',
    options: { redisUrl: undefined },
    instances: 3,
    skip: redisOnPath() === undefined && 'there is no redis-server on the PATH',
  },
];

for (const { title, options, instances, skip = false } of shops) {
  void describe(title, { skip }, () => {
    let shop: Shop;
    const fire = (plan: StormPlan, mode: Mode): Promise<StormResult> =>
      runStorm(shop.urls, plan, mode);

    before(async () => {
      shop = await launch(options);
    });
    after(() => shop.stop());

    void it('opens', async () => {
      assert.equal(shop.urls.length, instances);
      for (const url of shop.urls) {
        const page = await fetch(url);
        assert.equal(page.status, 200);
        assert.match(await page.text(), /<h1>Flash sale<\/h1>/);
      }
    });

    void it('sells exactly what there is under @Locked, one order at a time', async () => {
      const result = await fire(RUSH, 'locked');
      assert.deepEqual(
        {
          sold: result.sold,
          left: result.left,
          inside: result.insideAtOnce,
          errors: result.errors,
        },
        { sold: 100, left: 0, inside: 1, errors: 0 },
      );
    });

    void it('oversells without a lock', async () => {
      const { oversold, insideAtOnce, errors } = await fire(RUSH, 'unlocked');
      assert.equal(errors, 0);
      assert.ok(oversold > 0, `oversold ${oversold}`);
      assert.ok(insideAtOnce > 1, `inside at once ${insideAtOnce}`);
    });

    void it('keeps the lock for work that is longer than the lease', async () => {
      const { sold, left, insideAtOnce, errors } = await fire(SLOW, 'locked');
      assert.deepEqual(
        { sold, left, insideAtOnce, errors },
        { sold: SLOW.stock, left: 0, insideAtOnce: 1, errors: 0 },
      );
    });

    void it('refuses a second storm while one is running', async () => {
      const first = storm(shop.urls[0], { plan: 'slow', mode: 'unlocked' });
      await untilRunning(shop.urls[0]);
      const second = await storm(shop.urls.at(-1), { plan: 'slow', mode: 'unlocked' });
      const { status } = await first;
      assert.equal(status, 200);
      assert.equal(second.status, 423);
      assert.ok(Number(second.headers.get('retry-after')) > 0);
    });

    void it('answers 400 to a storm it does not know', async () => {
      const answer = await storm(shop.urls[0], { plan: 'rush', mode: 'lucky' });
      assert.equal(answer.status, 400);
    });

    void it(
      'lets two in under SET NX EX when the work outlasts the lease',
      { skip: instances === 1 && 'the naive lock is made of Redis commands' },
      async () => {
        const { oversold, insideAtOnce } = await fire(SLOW, 'naive');
        assert.ok(insideAtOnce > 1, `inside at once ${insideAtOnce}`);
        assert.ok(oversold > 0, `oversold ${oversold}`);
      },
    );
  });
}

function storm(url: string | undefined, body: object): Promise<Response> {
  return fetch(`${url ?? ''}/storms`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function untilRunning(url: string | undefined): Promise<void> {
  for (;;) {
    const answer = (await (await fetch(`${url ?? ''}/storms/current`)).json()) as {
      storm: unknown;
    };
    if (answer.storm !== null) return;
  }
}
