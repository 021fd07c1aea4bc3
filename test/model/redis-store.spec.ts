import fc from 'fast-check';

import { findFaketime } from '../faults/faketime.js';
import { VirtualRedis } from '../support/virtual-redis.js';
import { lockCommands } from './lock-commands.js';
import { LockModel } from './lock-model.js';
import { MemorySystem } from './memory-system.js';
import { RedisSystem } from './redis-system.js';
import { runs } from './runs.js';

const found = findFaketime();
const withClock = 'library' in found ? it : it.skip;
const missing = 'library' in found ? '' : ` (${found.missing})`;

/**
 * A real server, and time that is neither waited for nor left to chance: VirtualRedis says how. Leases end
 * by the server's own clock, and those who wait ask by their own timers. What is not shown here is what
 * depends on real time: answers that are late, and clocks that do not run alike.
 */
describe('RedisStore', () => {
  let server: VirtualRedis | undefined;
  afterEach(() => server?.close());

  withClock(
    `Exclusion, Tokens, No leftover: does what the model and MemoryStore do, in 300 sequences${missing}`,
    async () => {
      if (!('library' in found)) return;
      const opened = (server = await VirtualRedis.open(found.library));
      const property = fc.asyncProperty(lockCommands, async (commands) => {
        const memory = new MemorySystem();
        const redis = new RedisSystem(opened);
        for (const system of [memory, redis]) {
          const setup = { model: new LockModel(), real: system };
          await fc
            .asyncModelRun(() => setup, commands)
            .catch(async (error: unknown) => {
              // The next sequence, a shorter one, is not to find what waits in this one.
              await system.end();
              throw error;
            });
          expect(await system.end()).toEqual([]);
        }
        expect(redis.transcript).toEqual(memory.transcript);
      });
      await fc.assert(property, runs(300));
    },
    600_000,
  );
});
