import { findFaketime } from '../../faults/faketime.js';
import { APART, tick } from '../../trials/clockwork.js';

const found = findFaketime();
/** Where no clock can be set off the test says so in its title. */
const withClock = 'library' in found ? it : it.skip;
const missing = 'missing' in found ? ` (${found.missing})` : '';

const TICKS = 5;

describe('a cron job of two instances', () => {
  withClock(
    `Exclusion: with minHoldTime it runs once a tick though their clocks are ${APART} ms apart, and without it does not${missing}`,
    async () => {
      if (!('library' in found)) return;
      const { kept, plain } = await tick(found.library, TICKS);
      expect(kept).toEqual(Array.from({ length: TICKS }, () => 1));
      expect(Math.max(...plain)).toBe(2);
    },
    60_000,
  );
});
