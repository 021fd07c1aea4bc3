import { Redis } from 'ioredis';

import { until } from './until.js';

/** How often each command ran since the last `resetCommands`, from INFO commandstats. */
export async function commandCounts(url: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const report = await probe(url, (client) => client.info('commandstats'));
  for (const [, name, calls] of report.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    counts.set(name ?? '', Number(calls));
  }
  return counts;
}

export async function resetCommands(url: string): Promise<void> {
  await probe(url, (client) => client.config('RESETSTAT'));
}

/** Every key of every database of a server. */
export async function allKeys(url: string): Promise<string[]> {
  return probe(url, async (client) => {
    const found: string[] = [];
    const keyspace = await client.info('keyspace');
    for (const [, db] of keyspace.matchAll(/^db(\d+):/gm)) {
      await client.select(Number(db));
      for (const key of await client.keys('*')) found.push(`${db}/${key}`);
    }
    return found;
  });
}

/**
 * Resolves when all who stand in the queue of a lock have proved that they hear of grants, which takes
 * a process a few round trips at its first contention.
 */
export async function untilHeard(url: string, lock: string): Promise<void> {
  await probe(url, (client) =>
    until('all in the queue known to listen', async () => {
      if ((await client.type(lock)) !== 'zset') return false;
      const waiters = await client.zrangebyscore(lock, '1e14', '+inf');
      return waiters.length > 0 && waiters.every((member) => member.endsWith(' 1'));
    }),
  );
}

/** One question over a connection of its own, so that it is not counted among those of a test. */
export async function probe<T>(url: string, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await ask(client);
  } finally {
    client.disconnect();
  }
}
