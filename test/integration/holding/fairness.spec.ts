import { Redis } from 'ioredis';

import { startChild } from '../../support/child.js';
import { startRedis } from '../../support/redis-server.js';
import type { TurnsConfig } from './children/turns.child.js';

const PROCESSES = 4;
const CLIENTS = 12;
const TURNS = 6;
const LOG = 'turns';

describe('fairness', () => {
  it('48 clients of one key, in four processes, have it in turn', async () => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    try {
      const children = Array.from({ length: PROCESSES }, (_, process) => {
        const clients = Array.from({ length: CLIENTS }, (_, one) => `${process}.${one}`);
        const config = { url: server.url, clients, hold: 10, turns: TURNS, log: LOG };
        return startChild(
          'integration/holding/children/turns.child.ts',
          config satisfies TurnsConfig,
        );
      });
      await Promise.all(children.map((child) => child.next()));
      for (const child of children) child.send({ go: true });
      await Promise.all(children.map((child) => child.next()));
      const ends = await Promise.all(children.map((child) => child.ended));
      expect(ends).toEqual(children.map(() => ({ code: 0, signal: null, stderr: '' })));

      const had = new Map<string, number>();
      const leads: number[] = [];
      for (const name of await admin.lrange(LOG, 0, -1)) {
        had.set(name, (had.get(name) ?? 0) + 1);
        // As long as all still want it.
        if (had.get(name) === TURNS) break;
        if (had.size === PROCESSES * CLIENTS) {
          leads.push(Math.max(...had.values()) - Math.min(...had.values()));
        }
      }
      expect(leads.length).toBeGreaterThan(2 * PROCESSES * CLIENTS);
      // In strict turn nobody is more than one round ahead; one more for the processes that are not
      // told of the beginning at one moment.
      expect(Math.max(...leads)).toBeLessThanOrEqual(2);
      await admin.del(LOG);
      expect(await admin.dbsize()).toBe(0);
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });
});
