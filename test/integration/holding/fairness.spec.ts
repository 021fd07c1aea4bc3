import { Redis } from 'ioredis';

import { startChild } from '../../support/child.js';
import { startRedis } from '../../support/redis-server.js';
import type { TurnsConfig } from './children/turns.child.js';

const PROCESSES = 4;
const CLIENTS = 12;

describe('fairness', () => {
  it('48 clients of one key, in four processes, have it equally often', async () => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    try {
      const config = { url: server.url, clients: CLIENTS, hold: 10, lasting: 4_000 };
      const children = Array.from({ length: PROCESSES }, () =>
        startChild('integration/holding/children/turns.child.ts', config satisfies TurnsConfig),
      );
      await Promise.all(children.map((child) => child.next()));
      for (const child of children) child.send({ go: true });
      const reports = await Promise.all(
        children.map((child) => child.next<{ counts: number[] }>()),
      );
      const ends = await Promise.all(children.map((child) => child.ended));
      expect(ends).toEqual(children.map(() => ({ code: 0, signal: null, stderr: '' })));

      const counts = reports.flatMap((report) => report.counts);
      expect(counts).toHaveLength(PROCESSES * CLIENTS);
      // In strict turn nobody is more than one round ahead, whenever it began and ended; one more
      // for the processes that are not told of the beginning and the end at one moment.
      expect(Math.min(...counts)).toBeGreaterThan(2);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
      expect(await admin.dbsize()).toBe(0);
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });
});
