import { LONGEST_LEASE, type Arena } from '../arena/arena.js';
import { ask } from '../arena/server.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { moment, pause } from '../moment.js';
import type { Random } from '../random.js';
import type { Fault } from './fault.js';

/** The longest that a planned change of master may keep a key closed, in ms. */
const CHANGE = 2_000;
const AT_MOST = 10_000;

/** Waits until a server is what it is meant to be: a master, or a replica that keeps up. */
async function settled(port: number, is: (role: unknown[]) => boolean): Promise<void> {
  const until = moment() + AT_MOST;
  while (!is(await ask(port, (redis) => redis.role()))) {
    if (moment() > until) throw new Error(`the server on ${port} did not change its role`);
    await pause(5);
  }
}

const isMaster = ([role]: unknown[]): boolean => role === 'master';
const isReplica = ([role, , , state]: unknown[]): boolean =>
  role === 'slave' && state === 'connected';

/**
 * `FAILOVER` hands over to the replica, which has all data by then. What lies between follows it at
 * once for new connections; those of subscribers stay with the old master, those of commands are
 * cut, or stay as well until they are told READONLY.
 */
async function failOver(arena: Arena, to: RedisServer, random: Random): Promise<void> {
  const from = arena.port;
  await ask(from, (redis) =>
    redis.call('FAILOVER', 'TO', '127.0.0.1', to.port, 'TIMEOUT', AT_MOST),
  );
  await settled(to.port, isMaster);
  arena.redirect(to.port);
  if (random.chance(0.5)) for (const { proxy } of arena.fleet.workers) proxy.cut('command');
  await settled(from, isReplica);
}

export const failover: Fault = {
  name: 'failover behind a proxy',
  async inject(arena, random) {
    const home = arena.port;
    const args = ['--repl-diskless-sync-delay', '0'];
    const one = await startRedis({ args });
    const two = await startRedis({ args: [...args, '--replicaof', '127.0.0.1', String(one.port)] });
    try {
      await settled(two.port, isReplica);
      await arena.moveTo(one.port);
      await pause(LONGEST_LEASE + 300);
      for (const to of [two, one]) {
        await arena.disturb('server may refuse', () =>
          arena.bound(CHANGE, 'over a planned change of master', async () => {
            await failOver(arena, to, random);
            await pause(random.int(2_000, 3_000));
          }),
        );
      }
      await arena.moveTo(home);
    } finally {
      await one.stop();
      await two.stop();
    }
    return 2;
  },
};
