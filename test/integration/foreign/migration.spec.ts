import { allKeys } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { runFleet } from './fleet.js';
import { NODE_LIBRARIES, REDIS_PY } from './libraries.js';
import { pythonWithRedis } from './redis-py.js';

const KEY = 'order:42';
const MS = 10_000;
/** What each side is to have of the holds at least. */
const FAIR = 0.2;

const hasPython = pythonWithRedis() !== undefined;
if (!hasPython) console.warn('redis-py is left out: there is no Python that has it');
const libraries = [...NODE_LIBRARIES, ...(hasPython ? [REDIS_PY] : [])];

describe('a fleet that moves over, two processes of theirs and two of ours, and one key that all want', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it.each(libraries.map((library) => [library.name, library.prefix] as const))(
    'Exclusion: %s and we are never inside together, and neither starves',
    async (name, prefix) => {
      const { ours, theirs, overlaps } = await runFleet({
        port: server.port,
        key: prefix + KEY,
        processes: ['ours', 'ours', name, name],
        ms: MS,
      });

      expect(overlaps).toBe(0);
      expect(ours.share).toBeGreaterThan(FAIR);
      expect(theirs.share).toBeGreaterThan(FAIR);
      expect(await allKeys(server.url)).toEqual([]);
    },
    60_000,
  );
});
