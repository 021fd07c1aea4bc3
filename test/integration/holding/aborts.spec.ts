import type { LockService } from '../../../lib/lock/lock.service.js';
import { LockService as Service } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Random } from '../../faults/random.js';
import { sleep, until } from '../../support/until.js';
import { connect, openStand, type Stand } from './stand.js';

const ABORTS = 200;
const KEYS = ['a', 'b', 'c', 'd', 'e'];

/** Lets about so many µs pass, in as many ways as there are between two lines of code. */
async function passTime(random: Random): Promise<void> {
  switch (random.int(0, 5)) {
    case 0:
      return;
    case 1:
      for (let turns = random.int(1, 12); turns > 0; turns -= 1) await Promise.resolve();
      return;
    case 2:
      return new Promise((resolve) => process.nextTick(resolve));
    case 3:
      return new Promise((resolve) => setImmediate(resolve));
    case 4: {
      // While others wait for the event loop.
      const end = performance.now() + random.int(0, 2_000) / 1_000;
      while (performance.now() < end);
      return new Promise((resolve) => setImmediate(resolve));
    }
    default:
      return sleep(random.int(0, 8));
  }
}

describe('200 aborts at random moments of an acquisition', () => {
  let stand: Stand;
  let others: LockService;
  let otherClient: ReturnType<typeof connect>;
  beforeEach(async () => {
    // With this lease nothing that is left behind goes away by itself.
    stand = await openStand({ leaseTime: 600_000, waitTime: 20_000 });
    otherClient = connect(stand.server.port);
    const store = new RedisStore({ client: otherClient });
    others = new Service({ store, leaseTime: 600_000, waitTime: 20_000 });
  });
  afterEach(async () => {
    await others.close();
    otherClient.disconnect();
    await stand.close();
  });

  it.each(['one', 'two', 'three'])(
    'No leftover: leave no key and let nobody in twice, by seed %s',
    async (seed) => {
      const random = new Random(seed);
      const inside = new Map<string, number>();
      const last = new Map<string, number>();
      const outcomes = { granted: 0, aborted: 0 };
      let under = true;

      async function work(key: string, token: number): Promise<void> {
        expect(inside.get(key) ?? 0).toBe(0);
        expect(token).toBeGreaterThan(last.get(key) ?? 0);
        inside.set(key, 1);
        last.set(key, token);
        await passTime(random);
        inside.set(key, 0);
      }

      async function aborter(): Promise<void> {
        const key = random.pick(KEYS);
        const abort = new AbortController();
        const service = random.chance(0.7) ? stand.locks : others;
        const waitTime = random.chance(0.2) ? 0 : 20_000;
        const options = { signal: abort.signal, fair: random.chance(0.5), waitTime };
        const asked = service.acquire(key, options).then(
          async (lock) => {
            outcomes.granted += 1;
            await work(key, lock.token);
            expect(await lock.release()).toBe(true);
          },
          (error: unknown) => {
            const { code } = error as { code: string };
            expect(['LOCK_ABORTED', 'LOCK_BUSY']).toContain(code);
            if (code === 'LOCK_ABORTED') outcomes.aborted += 1;
          },
        );
        await passTime(random);
        abort.abort();
        await asked;
      }

      async function bystander(service: LockService): Promise<void> {
        while (under) {
          const key = random.pick(KEYS);
          await service.using(key, (lock) => work(key, lock.token));
          await passTime(random);
        }
      }

      const bystanders = [stand.locks, others, others].map(bystander);
      const rows = Array.from({ length: 8 }, async () => {
        for (let i = 0; i < ABORTS / 8; i += 1) await aborter();
      });
      await Promise.all(rows);
      under = false;
      await Promise.all(bystanders);
      expect(outcomes.aborted).toBeGreaterThan(ABORTS / 10);
      await until('no key', async () => (await stand.admin.dbsize()) === 0);
    },
  );
});
