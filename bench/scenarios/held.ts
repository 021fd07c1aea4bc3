import { nestLocked } from '../adapters/nest-locked.js';
import { redisKit } from '../adapters/redis-kit.js';
import { redisSemaphore } from '../adapters/redis-semaphore.js';
import { redlock5, sesamecare } from '../adapters/redlock.js';
import type { Bench, Sample } from '../runner/bench.js';
import { sleep } from '../runner/clock.js';
import { contendersOf, type LockAdapter, type RenewedLock } from '../runner/library.js';
import { metered, scriptCalls } from '../runner/meter.js';
import type { CaseResult } from '../runner/result.js';
import type { Sizes } from './sizes.js';

const BATCH = 500;

/** (g) many locks held for longer than their lease: what renewal costs. */
export async function heldLocks(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const count = sizes.heldLocks;
  const result = await bench.rounds({
    scenario: 'g',
    name: `${count} held locks`,
    title: `${count} locks held and renewed, lease 10 s, one process`,
    params: { locks: count },
    columns: [
      { metric: 'scripts', title: 'script calls', unit: 'per second' },
      { metric: 'clientCpu', title: 'client CPU of a core', unit: '%' },
      { metric: 'serverCpu', title: 'server CPU of a core', unit: '%' },
      { metric: 'lost', title: 'lost', unit: 'count' },
      { metric: 'seconds', title: 'seconds watched', unit: 'count' },
    ],
    contenders: [nestLocked, redisSemaphore, redlock5, sesamecare, redisKit].map(
      (library) => contendersOf(library)[0]!,
    ),
    rounds: 1,
    share: Infinity,
    limit: 10_000,
    run: (contender, adapter) =>
      hold(
        bench,
        adapter,
        count,
        contender.library.kind === 'ours' ? sizes.heldTime : sizes.heldTimePeers,
      ),
  });
  return [result];
}

async function hold(
  bench: Bench,
  adapter: LockAdapter,
  count: number,
  ms: number,
): Promise<Sample> {
  if (adapter.acquireRenewed === undefined) throw new Error('renews nothing');
  const locks: RenewedLock[] = [];
  for (let from = 0; from < count; from += BATCH) {
    const keys = Array.from({ length: BATCH }, (_, i) => from + i).filter((n) => n < count);
    locks.push(...(await Promise.all(keys.map((n) => adapter.acquireRenewed!(`bench:g:${n}`)))));
  }
  await sleep(500);
  const [, cost] = await metered(bench.admin, () => sleep(ms));
  const lost = locks.filter((lock) => !lock.isHeld()).length;
  for (let from = 0; from < count; from += BATCH) {
    await Promise.allSettled(locks.slice(from, from + BATCH).map((lock) => lock.release()));
  }
  return {
    metrics: {
      scripts: (scriptCalls(cost) / cost.ms) * 1_000,
      clientCpu: (cost.clientCpu / 1_000 / cost.ms) * 100,
      serverCpu: (cost.serverCpu / 1_000 / cost.ms) * 100,
      lost,
      seconds: ms / 1_000,
    },
  };
}
