import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports.js';
import { Instance } from './instance.js';
import { redisOnPath, startPrivateRedis, type PrivateRedis } from './private-redis.js';

export type Where = 'given' | 'private' | 'memory';

export interface LaunchOptions {
  /** A Redis to use; without one, a redis-server on the PATH is started, and without that the locks live in memory. */
  readonly redisUrl?: string | undefined;
  /** Leave Redis out altogether. */
  readonly memory?: boolean;
  /** The first instance's port, the others follow; free ones when left out. */
  readonly port?: number | undefined;
}

/** A running shop: several processes, one database, one place for the locks. */
export interface Shop {
  readonly urls: readonly string[];
  readonly where: Where;
  readonly redisUrl: string | undefined;
  readonly instances: readonly Instance[];
  stop(): Promise<void>;
}

const INSTANCES = 3;
const HOST = '127.0.0.1';

export async function launch(options: LaunchOptions = {}): Promise<Shop> {
  const cleanup: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= runInReverse(cleanup));
  try {
    const folder = await mkdtemp(join(tmpdir(), 'shop-'));
    cleanup.push(() => rm(folder, { recursive: true, force: true }));

    const locks = await findRedis(options);
    cleanup.push(async () => locks.server?.stop());

    // The memory store lives in one process: a second one would know nothing of its locks.
    const ports = await choosePorts(locks.where === 'memory' ? 1 : INSTANCES, options.port);
    const urls = ports.map((port) => `http://${HOST}:${port}`);
    const starts = urls.map((url, index) =>
      Instance.start(url, {
        ...process.env,
        HOST,
        PORT: String(ports[index]),
        REDIS_URL: locks.redisUrl ?? '',
        SHOP_DATABASE: join(folder, 'shop.db'),
        SHOP_INSTANCES: urls.join(','),
      }),
    );
    const instances: Instance[] = [];
    cleanup.push(() => Promise.all(instances.map((instance) => instance.stop())));
    const settled = await Promise.allSettled(starts);
    for (const start of settled) if (start.status === 'fulfilled') instances.push(start.value);
    for (const start of settled) if (start.status === 'rejected') throw start.reason;
    return { urls, where: locks.where, redisUrl: locks.redisUrl, instances, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Locks {
  readonly where: Where;
  readonly redisUrl: string | undefined;
  /** The one that was started here. */
  readonly server?: PrivateRedis;
}

async function findRedis(options: LaunchOptions): Promise<Locks> {
  if (options.memory) return { where: 'memory', redisUrl: undefined };
  if (options.redisUrl) return { where: 'given', redisUrl: options.redisUrl };
  const program = redisOnPath();
  if (program === undefined) return { where: 'memory', redisUrl: undefined };
  const server = await startPrivateRedis(program);
  return { where: 'private', redisUrl: server.url, server };
}

async function choosePorts(count: number, first: number | undefined): Promise<number[]> {
  if (first === undefined) return freePorts(count);
  return Array.from({ length: count }, (_, index) => first + index);
}

async function runInReverse(steps: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps.reverse()) await step();
}
