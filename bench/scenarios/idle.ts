import { naive } from '../adapters/ioredis.js';
import { murlock } from '../adapters/murlock.js';
import { nestLocked } from '../adapters/nest-locked.js';
import { redisSemaphore } from '../adapters/redis-semaphore.js';
import { redlock5 } from '../adapters/redlock.js';
import { simpleRedisMutex } from '../adapters/simple-redis-mutex.js';
import type { Bench, Sample } from '../runner/bench.js';
import { settlesWithin, sleep } from '../runner/clock.js';
import { contendersOf, type Contender, type LockAdapter } from '../runner/library.js';
import { metered, scriptCalls } from '../runner/meter.js';
import type { CaseResult } from '../runner/result.js';
import type { Sizes } from './sizes.js';

/** Ours, and of the others those that can wait as long as this takes. */
const entrants: Contender[] = [
  contendersOf(nestLocked)[0]!,
  contendersOf(redisSemaphore)[0]!,
  contendersOf(simpleRedisMutex)[0]!,
  contendersOf(redlock5)[1]!,
  contendersOf(murlock)[1]!,
  contendersOf(naive)[0]!,
];

/** (f) what it costs to wait and do nothing. */
export async function idleWaiters(bench: Bench, sizes: Sizes): Promise<CaseResult[]> {
  const count = bench.mode === 'smoke' ? 50 : 1_000;
  const result = await bench.rounds({
    scenario: 'f',
    name: `${count} idle waiters`,
    title: `${count} waiters on one key that stays taken, one process`,
    params: { waiters: count },
    columns: [
      { metric: 'commands', title: 'commands', unit: 'per second' },
      { metric: 'clientCpu', title: 'client CPU of a core', unit: '%' },
      { metric: 'serverCpu', title: 'server CPU of a core', unit: '%' },
      { metric: 'seconds', title: 'seconds watched', unit: 'count' },
    ],
    contenders: entrants,
    rounds: 1,
    share: Infinity,
    limit: sizes.idleTime + 20_000,
    run: (contender, adapter) => watch(bench, contender, adapter, count, sizes),
  });
  return [result];
}

async function watch(
  bench: Bench,
  contender: Contender,
  adapter: LockAdapter,
  count: number,
  sizes: Sizes,
): Promise<Sample> {
  const ms = contender.library.kind === 'ours' ? sizes.idleTime : sizes.idleTimePeers;
  const key = `bench:f:${contender.id}`;
  const held = await adapter.acquire(key);
  let gaveUp = 0;
  let served = 0;
  const waiting = Array.from({ length: count }, async () => {
    try {
      const handle = await adapter.acquire(key);
      served += 1;
      await adapter.release(handle);
    } catch {
      gaveUp += 1;
    }
  });
  const all = Promise.all(waiting);
  // Joining the queue is not waiting in it.
  await sleep(1_000);
  const [, cost] = await metered(bench.admin, () => sleep(ms));
  const [early, lost] = [served, gaveUp];
  await adapter.release(held);
  const drained = await settlesWithin(all, 3_000);
  const questions =
    scriptCalls(cost) + (contender.library.asks === 'SET' ? (cost.calls.get('set') ?? 0) : 0);
  return {
    metrics: {
      commands: (questions / cost.ms) * 1_000,
      clientCpu: (cost.clientCpu / 1_000 / cost.ms) * 100,
      serverCpu: (cost.serverCpu / 1_000 / cost.ms) * 100,
      seconds: ms / 1_000,
    },
    violations: early,
    ...(lost > 0 ? { remark: `${lost} of ${count} had given up` } : {}),
    ...(drained ? {} : { remark: `not all were served when the key was free`, incomplete: true }),
  };
}
