import fc from 'fast-check';

import { lockCommands } from './lock-commands.js';
import { LockModel } from './lock-model.js';
import { MemorySystem } from './memory-system.js';
import { runs } from './runs.js';

describe('MemoryStore', () => {
  it('Exclusion, Tokens, No leftover: does what the model does, in 5 000 sequences', async () => {
    const property = fc.asyncProperty(lockCommands, async (commands) => {
      const system = new MemorySystem();
      await fc.asyncModelRun(() => ({ model: new LockModel(), real: system }), commands);
      expect(await system.end()).toEqual([]);
    });
    await fc.assert(property, runs(5_000));
  }, 600_000);
});
