import type { INestApplicationContext } from '@nestjs/common';
import { until } from '../../support/until.js';
import { KEY, ground, newGround } from './ground.js';

/** What starts a method that nobody waits for: a schedule, an event. */
export interface Jobs {
  readonly app: INestApplicationContext;
  /** Has a method run: `works` does its work, `loses` loses its lock meanwhile, `skips` is left out when it is busy. */
  run(method: 'works' | 'loses' | 'skips'): void;
}

/** What is promised where a method has no caller who would hear of its error. */
export function describeJobs(name: string, start: () => Promise<Jobs>): void {
  describe(`locks and lock errors of ${name}`, () => {
    let jobs: Jobs;
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    beforeEach(async () => {
      newGround();
      unhandled.length = 0;
      process.on('unhandledRejection', onUnhandled);
      jobs = await start();
    });
    afterEach(async () => {
      await jobs.app.close();
      process.off('unhandledRejection', onUnhandled);
      expect(unhandled).toEqual([]);
    });

    /** Resolves when so many lines that name the key were logged, with all of them. */
    async function logged(count = 1): Promise<string[]> {
      await until('lines in the log', () => ground.logger.ofTheKey().length >= count);
      return ground.logger.ofTheKey();
    }

    it('the method runs inside its lock, which is given back', async () => {
      jobs.run('works');
      await until('it has run', () => ground.runs === 1);
      expect(ground.heldInside).toEqual([true]);
      await ground.isFree();
      expect(ground.logger.all).toEqual([]);
    });

    it('busy is logged once, with the key and its holder, and the method does not run', async () => {
      await using lock = await ground.take();
      expect(lock.isHeld()).toBe(true);
      jobs.run('works');
      const lines = await logged();
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`"${KEY}" is held by `);
      expect(ground.runs).toBe(0);
    });

    it('a loss is logged: by the service, and where nobody else hears of the error', async () => {
      jobs.run('loses');
      const lines = await logged(2);
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line).toContain(`"${KEY}" was lost`);
    });

    it('an outage is logged by both as well, and the method does not run', async () => {
      ground.fallSilent();
      jobs.run('works');
      const lines = await logged(2);
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(line).toContain('no answer from the lock store');
      expect(ground.runs).toBe(0);
    });

    it("whenBusy: 'skip' is left out without a word", async () => {
      const lock = await ground.take();
      jobs.run('skips');
      await lock.release();
      jobs.run('works');
      await until('the next has run', () => ground.runs === 1);
      expect(ground.logger.all).toEqual([]);
    });
  });
}
