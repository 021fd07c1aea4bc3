import { Redis } from 'ioredis';

import { freePort, startRedis, type RedisServer } from './redis-server.js';

const SLOTS = 16_384;

/** Three masters that share the slots in equal thirds. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** What `new Cluster(…)` of ioredis takes. */
  readonly startupNodes: readonly { host: string; port: number }[];
  stop(): Promise<void>;
}

/** Starts a Cluster of masters without replicas and resolves when every node calls it whole. */
export async function startCluster(masters = 3): Promise<RedisCluster> {
  const started = await Promise.all(Array.from({ length: masters }, startNode));
  const nodes = started.map(({ server }) => server);
  const clients = nodes.map((node) => new Redis(node.port, '127.0.0.1'));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    await Promise.all(
      clients.map((client, index) => {
        const first = Math.floor((index * SLOTS) / masters);
        const last = Math.floor(((index + 1) * SLOTS) / masters) - 1;
        return client.call('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
      }),
    );
    await Promise.all(
      clients.map((client, index) => client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)),
    );
    for (const { server, bus } of started.slice(1)) {
      await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', String(server.port), String(bus));
    }
    await Promise.all(clients.map((client) => untilWhole(client, masters)));
  } catch (error) {
    await stop();
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    nodes,
    startupNodes: nodes.map((node) => ({ host: '127.0.0.1', port: node.port })),
    stop,
  };
}

async function startNode(): Promise<{ server: RedisServer; bus: number }> {
  // prettier-ignore
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-announce-ip', '127.0.0.1'];
  for (let attempt = 1; ; attempt += 1) {
    const bus = await freePort();
    try {
      return { server: await startRedis({ args: [...args, '--cluster-port', String(bus)] }), bus };
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function untilWhole(client: Redis, size: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const info = String(await client.call('CLUSTER', 'INFO'));
    if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}`)) return;
    if (Date.now() > deadline) throw new Error(`the cluster did not become whole:\n${info}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
