import type { Redis } from 'ioredis';

/** What a run cost: this process's CPU and the server's, in µs, and the server's calls. */
export interface Cost {
  readonly ms: number;
  readonly clientCpu: number;
  readonly serverCpu: number;
  /** Calls by command, inside scripts too. */
  readonly calls: ReadonlyMap<string, number>;
}

interface Reading {
  readonly at: number;
  readonly client: NodeJS.CpuUsage;
  readonly server: number;
  readonly calls: Map<string, number>;
}

async function read(admin: Redis): Promise<Reading> {
  const info = await admin.info('cpu');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
  const calls = new Map<string, number>();
  const stats = await admin.info('commandstats');
  for (const [, name, count] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    calls.set(name!, Number(count));
  }
  return {
    at: performance.now(),
    client: process.cpuUsage(),
    server: (field('used_cpu_user') + field('used_cpu_sys')) * 1e6,
    calls,
  };
}

/** Measures what `work` costs. */
export async function metered<T>(admin: Redis, work: () => Promise<T>): Promise<[T, Cost]> {
  const before = await read(admin);
  const start = performance.now();
  const client = process.cpuUsage();
  const result = await work();
  const used = process.cpuUsage(client);
  const ms = performance.now() - start;
  const after = await read(admin);
  const calls = new Map<string, number>();
  for (const [name, count] of after.calls) {
    const grown = count - (before.calls.get(name) ?? 0);
    if (grown > 0 && name !== 'info') calls.set(name, grown);
  }
  return [
    result,
    { ms, clientCpu: used.user + used.system, serverCpu: after.server - before.server, calls },
  ];
}

const SCRIPT_CALLS = ['evalsha', 'eval', 'evalsha_ro', 'eval_ro', 'fcall'];

export function scriptCalls(cost: Cost): number {
  return SCRIPT_CALLS.reduce((total, name) => total + (cost.calls.get(name) ?? 0), 0);
}
