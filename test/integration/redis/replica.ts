import { probe } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';

/** A replica that keeps up with its master. */
export async function startReplica(master: RedisServer): Promise<RedisServer> {
  await probe(master.url, (client) => client.config('SET', 'repl-diskless-sync-delay', '0'));
  const replica = await startRedis({
    args: ['--repl-diskless-sync-delay', '0', '--replicaof', '127.0.0.1', String(master.port)],
  });
  await untilRole(replica, 'slave');
  await probe(master.url, (client) =>
    until('the master counts on it', async () => {
      const [, , replicas] = await client.role();
      return Array.isArray(replicas) && replicas.length > 0;
    }),
  );
  return replica;
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
