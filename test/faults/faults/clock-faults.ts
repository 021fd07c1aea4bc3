import { LONGEST_LEASE } from '../arena/arena.js';
import { ClockedServer } from '../arena/server.js';
import { FakeClock } from '../faketime.js';
import { pause } from '../moment.js';
import type { Fault } from './fault.js';

/** For how long a key that was given back may be closed, in ms. */
const FREE = 500;

/**
 * The wall clock of one worker jumps, both ways, and comes back. Every other time it jumps back
 * under a holder that then hears nothing more: who goes by that clock believes for too long.
 */
export const workerClock: Fault = {
  name: 'step worker clock',
  async inject(arena, random) {
    const worker = arena.fleet.workers[0]!;
    if (!arena.clock || worker.dead) return pause(100).then(() => 0);
    if (random.chance(0.5)) {
      await arena.makeCling(worker, LONGEST_LEASE + 300);
      arena.clock.step(-random.int(200, 5_000));
      worker.proxy.halfOpen('both', true);
      await pause(LONGEST_LEASE + 300);
      worker.proxy.heal();
      arena.clock.step(0);
      await pause(random.int(100, 600));
      return 2;
    }
    const steps = random.int(1, 3);
    for (let i = 0; i < steps; i += 1) {
      arena.clock.step(random.pick([-60_000, -3_000, -500, -50, 50, 500, 3_000, 60_000]));
      await pause(random.int(100, 900));
    }
    arena.clock.step(0);
    await pause(random.int(100, 600));
    return steps + 1;
  },
};

/**
 * The wall clock of Redis jumps back. On a server of its own, since it cannot be set right again
 * without ending leases too early: the fleet moves there, and back when its leases have ended. Locks
 * are taken and given back all the while: what was given back is free, whatever the clock says.
 */
export function serverClock(library: string): Fault {
  return {
    name: 'step redis clock back',
    async inject(arena, random) {
      const clock = new FakeClock(library);
      const home = arena.port;
      const server = await ClockedServer.start(clock);
      if (!server) throw new Error('redis-server does not run under libfaketime');
      try {
        await arena.moveTo(server.port);
        await pause(LONGEST_LEASE * 2);
        let behind = 0;
        const further = random.pick([random.int(500, 1_500), 600_000]);
        await arena.bound(
          FREE,
          'when it was released on a clock that was stepped back',
          async () => {
            for (const step of [random.int(50, 500), further]) {
              behind += step;
              await arena.disturb('server clock back', async () => clock.step(-behind), {
                by: step,
              });
              await pause(random.int(600, 1_500));
            }
            await pause(LONGEST_LEASE);
          },
        );
        await arena.moveTo(home);
      } finally {
        await server.stop();
        clock.dispose();
      }
      return 2;
    },
  };
}
