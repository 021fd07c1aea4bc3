import { moment, pause } from '../moment.js';
import type { Fault } from './fault.js';

/** In how many ms a dead inbox is found by its own heartbeat, and replaced, on a slow machine. */
const HEARTBEAT = 2_000 + 1_000;
/** Closed for so long, a key does not suffer from messages any more, in ms. */
const WELL = 500;

/**
 * The connections on which grants are heard of go dead without a FIN, of one worker or of all;
 * commands go on, and new connections are fine. Meanwhile each grant may go to one who does not
 * hear of it.
 */
export const halfOpenSubscribers: Fault = {
  name: 'half-open subscribers',
  async inject(arena, random) {
    const alive = arena.fleet.alive();
    const hurt = random.chance(0.5) ? alive : [random.pick(alive)];
    const direction = random.pick(['both', 'down'] as const);
    let hits: number[] = [];
    await arena.bound(HEARTBEAT, 'until a dead inbox is found', async () => {
      hits = hurt.map(({ proxy }) => proxy.halfOpen('subscriber', false, direction));
      await pause(HEARTBEAT);
    });
    // Leases are short here, so that waiters who only ask get on as well: nobody else would notice.
    for (const [i, { name, proxy }] of hurt.entries()) {
      if (hits[i] === 0 || proxy.hearing > 0) continue;
      const text = `${name} had no inbox that hears, ${HEARTBEAT} ms after it went dead`;
      arena.incidents.push({ kind: 'not recovered', at: moment(), text });
    }
    await arena.bound(WELL, 'when a dead inbox has been replaced', () => pause(1_500));
    for (const { proxy } of hurt) proxy.heal();
    await pause(random.int(100, 400));
    return hits.reduce((sum, hit) => sum + hit, 0);
  },
};
