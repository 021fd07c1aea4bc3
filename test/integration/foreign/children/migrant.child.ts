import { Redis } from 'ioredis';
import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';
import { sleep } from '../../../support/until.js';
import { libraryNamed } from '../libraries.js';

export interface MigrantConfig {
  readonly port: number;
  /** The name of the lock in Redis. */
  readonly key: string;
  /** Whose lock it takes: a library's name, or `ours`. */
  readonly library: string;
  /** How many callers want it in this process. */
  readonly callers: number;
}

/** One hold: when it was asked for, entered and left, in ms of the clock that all processes share. */
export type Stay = readonly [asked: number, entered: number, left: number];

const config = childConfig() as MigrantConfig;
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Runs work under the lock of this process's library. */
async function open(): Promise<{ use(work: () => Promise<void>): Promise<void>; close(): void }> {
  const { library, port, key } = config;
  if (library !== 'ours') {
    const locks = await libraryNamed(library).open(port, key);
    return {
      use: async (work) => {
        const hold = await locks.take();
        await work();
        if (!(await hold.release())) throw new Error(`${library} lost its lock`);
      },
      close: () => void locks.close(),
    };
  }
  const client = new Redis(port, '127.0.0.1');
  await client.ping();
  const store = new RedisStore({ client, keyPrefix: '', otherLibraries: true });
  const service = new LockService({ store, waitTime: Infinity });
  return {
    use: async (work) => {
      await service.using(key, work);
    },
    close: () => void store.close().then(() => client.disconnect()),
  };
}

const locks = await open();
const stays: Stay[] = [];
await tellParent({ ready: true });
/** For how long it is to want the lock again and again. */
const ms = await new Promise<number>((resolve) =>
  process.once('message', (message: { ms: number }) => resolve(message.ms)),
);
const end = now() + ms;
async function caller(): Promise<void> {
  while (now() < end) {
    const asked = now();
    await locks.use(async () => {
      const entered = now();
      await sleep(10 + Math.random() * 10);
      stays.push([asked, entered, now()]);
    });
  }
}
await Promise.all(Array.from({ length: config.callers }, caller));
await tellParent({ stays });
locks.close();
process.disconnect();
