import { libraries } from '../adapters/index.js';
import { naive } from '../adapters/ioredis.js';
import type { Bench, Sample } from '../runner/bench.js';
import { contendersOf, type LockAdapter } from '../runner/library.js';
import type { CaseResult } from '../runner/result.js';

const BATCH = 500;

/** (i) what a held lock weighs, here and in Redis, and what is left of it. */
export async function memory(bench: Bench): Promise<CaseResult[]> {
  const count = bench.mode === 'smoke' ? 500 : 20_000;
  const result = await bench.rounds({
    scenario: 'i',
    name: 'memory',
    title: `memory of ${count} held locks`,
    params: { locks: count },
    columns: [
      { metric: 'heap', title: 'heap per lock', unit: 'bytes' },
      { metric: 'redis', title: 'Redis memory per lock', unit: 'bytes' },
      { metric: 'usage', title: 'MEMORY USAGE of one key', unit: 'bytes' },
      { metric: 'keys', title: 'keys left', unit: 'count' },
    ],
    contenders: libraries
      .filter((library) => library !== naive)
      .map((library) => contendersOf(library)[0]!),
    rounds: 1,
    share: Infinity,
    limit: 30_000,
    run: (_contender, adapter) => weigh(bench, adapter, count),
  });
  return [result];
}

async function weigh(bench: Bench, adapter: LockAdapter, count: number): Promise<Sample> {
  // Counters that a library keeps for all of its locks are there before, and do not count.
  await adapter.release(await adapter.acquire('bench:i:first'));
  const keysBefore = await bench.admin.dbsize();
  const heapBefore = heap();
  const redisBefore = await usedMemory(bench);
  const handles: unknown[] = new Array<unknown>(count);
  for (let from = 0; from < count; from += BATCH) {
    const keys = Array.from({ length: BATCH }, (_, i) => from + i);
    const taken = await Promise.all(keys.map((n) => adapter.acquire(`bench:i:${n}`)));
    taken.forEach((handle, i) => (handles[from + i] = handle));
  }
  const heapAfter = heap();
  const redisAfter = await usedMemory(bench);
  const sample = await bench.admin.randomkey();
  const usage = sample === null ? 0 : await bench.admin.memory('USAGE', sample);
  for (let from = 0; from < count; from += BATCH) {
    await Promise.all(handles.slice(from, from + BATCH).map((handle) => adapter.release(handle)));
  }
  return {
    metrics: {
      heap: (heapAfter - heapBefore - 8 * count) / count,
      redis: (redisAfter - redisBefore) / count,
      usage: usage ?? 0,
      keys: (await bench.admin.dbsize()) - keysBefore,
    },
  };
}

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function usedMemory(bench: Bench): Promise<number> {
  const info = await bench.admin.info('memory');
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0);
}
