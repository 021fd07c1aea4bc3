import { Redis } from 'ioredis';
import { Mutex } from 'redis-semaphore';
import Redlock4 from 'redlock4';
import Redlock5 from 'redlock5';
import { openRedisPy } from './redis-py.js';
import { THEIR_LEASE, type TheirHold, type TheirLocks } from './their-locks.js';

export interface Library {
  readonly name: string;
  /** What it puts before the name of a lock. */
  readonly prefix: string;
  open(port: number, key: string): Promise<TheirLocks>;
}

async function connect(port: number): Promise<Redis> {
  const client = new Redis(port, '127.0.0.1');
  await client.ping();
  return client;
}

/** Whether something that rejects when it is not theirs went well. */
async function worked(done: Promise<unknown>): Promise<boolean> {
  return done.then(
    () => true,
    () => false,
  );
}

const redlock4: Library = {
  name: 'redlock 4',
  prefix: '',
  async open(port, key) {
    const client = await connect(port);
    const once = new Redlock4([client], { retryCount: 0 });
    const patient = new Redlock4([client], { retryCount: -1 });
    const hold = (lock: Awaited<ReturnType<Redlock4['lock']>>): TheirHold => ({
      extend: () => worked(lock.extend(THEIR_LEASE)),
      release: () => worked(lock.unlock()),
    });
    return {
      take: async () => hold(await patient.lock(key, THEIR_LEASE)),
      tryTake: (leaseTime = THEIR_LEASE) => once.lock(key, leaseTime).then(hold, () => undefined),
      close: async () => client.disconnect(),
    };
  },
};

const redlock5: Library = {
  name: 'redlock 5',
  prefix: '',
  async open(port, key) {
    const client = await connect(port);
    const redlock = (retryCount: number): Redlock5 =>
      // It demands a listener: its own clean-up finds a type it does not know where ours is waited for.
      new Redlock5([client], { retryCount }).on('error', () => undefined);
    const [once, patient] = [redlock(0), redlock(-1)];
    const hold = (first: Awaited<ReturnType<Redlock5['acquire']>>): TheirHold => {
      let lock = first;
      return {
        extend: () =>
          worked(
            lock.extend(THEIR_LEASE).then((next) => {
              lock = next;
            }),
          ),
        release: () => worked(lock.release()),
      };
    };
    return {
      take: async () => hold(await patient.acquire([key], THEIR_LEASE)),
      tryTake: (leaseTime = THEIR_LEASE) =>
        once.acquire([key], leaseTime).then(hold, () => undefined),
      close: async () => client.disconnect(),
    };
  },
};

const redisSemaphore: Library = {
  name: 'redis-semaphore',
  prefix: 'mutex:',
  async open(port, key) {
    const client = await connect(port);
    const name = key.slice('mutex:'.length);
    // Its timer renews as well; a test says itself when.
    const options = { refreshInterval: 0, acquireTimeout: 1e9 };
    const hold = (one: Mutex): TheirHold => ({
      // As with the others, what is waited for by ours is of a type that they do not know.
      extend: () =>
        new Mutex(client, name, {
          ...options,
          identifier: one.identifier,
          acquiredExternally: true,
        })
          .tryAcquire()
          .catch(() => false),
      release: () => worked(one.release()),
    });
    return {
      take: async () => {
        const one = new Mutex(client, name, options);
        await one.acquire();
        return hold(one);
      },
      tryTake: async (leaseTime = THEIR_LEASE) => {
        const one = new Mutex(client, name, {
          ...options,
          lockTimeout: leaseTime,
          acquireAttemptsLimit: 1,
        });
        return (await one.tryAcquire()) ? hold(one) : undefined;
      },
      close: async () => client.disconnect(),
    };
  },
};

const redisPy: Library = { name: 'redis-py', prefix: '', open: openRedisPy };

/** Those for Node; redis-py is beside them where there is a Python that has it. */
export const NODE_LIBRARIES: readonly Library[] = [redlock4, redlock5, redisSemaphore];
export const REDIS_PY = redisPy;

export function libraryNamed(name: string): Library {
  const found = [...NODE_LIBRARIES, redisPy].find((library) => library.name === name);
  if (!found) throw new Error(`no library named ${name}`);
  return found;
}
