import { Redis } from 'ioredis';

import { startChild } from '../../support/child.js';
import { allKeys } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import type { CrowdConfig } from './children/crowd.child.js';
import { inversions, ordered, overlaps, tokensBackwards, type Visit } from './history.js';

const PROCESSES = 4;
const CALLERS = 25;
const TURNS = 100;
const KEYS = ['stock:1', 'stock:2', 'stock:3'];

describe('several processes on one Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterEach(async () => {
    expect(await allKeys(server.url)).toEqual([]);
  });
  afterAll(() => server.stop());

  async function crowd(
    through: CrowdConfig['through'],
  ): Promise<{ visits: Visit[]; counted: number }> {
    const witness = await startRedis();
    const counts = new Redis(witness.url);
    const config = {
      url: server.url,
      witnessUrl: witness.url,
      through,
      keys: KEYS,
      callers: CALLERS,
      turns: TURNS,
    };
    try {
      const children = Array.from({ length: PROCESSES }, () =>
        startChild('integration/redis/children/crowd.child.ts', config satisfies CrowdConfig),
      );
      await Promise.all(children.map((child) => child.next()));
      for (const child of children) child.send({ go: true });
      const reports = await Promise.all(children.map((child) => child.next<{ visits: Visit[] }>()));
      const ends = await Promise.all(children.map((child) => child.ended));
      expect(ends).toEqual(children.map(() => ({ code: 0, signal: null, stderr: '' })));
      const counted = await counts.mget(KEYS);
      return {
        visits: reports.flatMap((report) => report.visits),
        counted: counted.reduce((sum, count) => sum + Number(count), 0),
      };
    } finally {
      counts.disconnect();
      await witness.stop();
    }
  }

  it('Exclusion: 4 processes of 25 callers are alone inside, and granted in order of arrival', async () => {
    const { visits, counted } = await crowd('store');

    expect(visits).toHaveLength(PROCESSES * CALLERS * TURNS);
    expect(counted).toBe(visits.length);
    expect(overlaps(visits)).toEqual([]);
    expect(tokensBackwards(visits)).toEqual([]);
    expect(inversions(visits)).toEqual([]);
    // No inversion would be found either if no two could be told apart.
    expect(ordered(visits, 10)).toBeGreaterThan(visits.length / 2);
  }, 120_000);

  it('Exclusion: they are as well when the lock is handed over inside each process', async () => {
    const { visits, counted } = await crowd('service');

    expect(visits).toHaveLength(PROCESSES * CALLERS * TURNS);
    expect(counted).toBe(visits.length);
    expect(overlaps(visits)).toEqual([]);
    expect(tokensBackwards(visits)).toEqual([]);
  }, 120_000);
});
