import { probe } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

/** Copies of a master's data start at once, not after the 5 s in which others could join in. */
export const AT_ONCE = ['--repl-diskless-sync-delay', '0'];

/** A server that has all that another has, and keeps up with it. */
export async function startReplica(master: RedisServer): Promise<RedisServer> {
  await probe(master.url, (client) => client.config('SET', 'repl-diskless-sync-delay', '0'));
  const replica = await startRedis({
    args: [...AT_ONCE, '--replicaof', '127.0.0.1', String(master.port)],
  });
  await untilRole(replica, 'slave');
  await probe(master.url, (client) =>
    until('a replica in step', async () => {
      const info = await client.info('replication');
      const [, offset] = /master_repl_offset:(\d+)/.exec(info) ?? [];
      return info.includes(`state=online,offset=${offset},`);
    }),
  );
  return replica;
}

/** Begins a planned change of master, in which nothing that was written is lost. */
export async function switchOver(master: RedisServer, replica: RedisServer): Promise<void> {
  await probe(master.url, (client) =>
    client.call('FAILOVER', 'TO', '127.0.0.1', String(replica.port), 'TIMEOUT', '10000'),
  );
  await untilRole(replica, 'master');
}

/** Waits until a server is a master, or a replica that keeps up. */
export async function untilRole(server: RedisServer, wanted: 'master' | 'slave'): Promise<void> {
  await probe(server.url, (client) =>
    until(`the server on ${server.port} is a ${wanted}`, async () => {
      const [role, , , state] = await client.role();
      return role === wanted && (role === 'master' || state === 'connected');
    }),
  );
}
