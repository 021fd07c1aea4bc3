import type { Redis } from 'ioredis';
import { load, type Library, type LockAdapter } from '../runner/library.js';
import { connect, polling } from './client.js';
import { renewed } from './redlock.js';

interface Lock {
  acquire(): Promise<unknown>;
  release(handle: unknown): Promise<unknown>;
  using(routine: (signal: AbortSignal) => Promise<void>): Promise<unknown>;
}

interface Universal {
  IoredisAdapter: new (client: Redis) => object;
  createLock: (config: object) => Lock;
}

interface Held {
  readonly lock: Lock;
  readonly handle: unknown;
}

export const redlockUniversal: Library = {
  name: 'redlock-universal',
  kind: 'peer',
  package: 'redlock-universal',
  asks: 'SET',
  variants: [
    { name: 'default', settings: 'createLock: 3 retries, every 100 ms' },
    { name: 'tuned', settings: "performance 'lean', retryDelay 5, tries for the whole wait" },
  ],
  note: 'asks for Node 22 and is run here on the Node of this run all the same',
  async open(target, variant): Promise<LockAdapter<Held>> {
    const { IoredisAdapter, createLock } = await load<Universal>('redlock-universal');
    const client = await connect(target);
    const adapter = new IoredisAdapter(client);
    const tuned = { performance: 'lean', retryDelay: 5, retryAttempts: polling(target).tries };
    const settings = variant === 'tuned' ? tuned : {};
    const make = (key: string): Lock =>
      createLock({ adapter, key, ttl: target.leaseTime, ...settings });
    return {
      async acquire(key) {
        const lock = make(key);
        return { lock, handle: await lock.acquire() };
      },
      release: ({ lock, handle }) => lock.release(handle),
      acquireRenewed: (key) => renewed((routine) => make(key).using(routine)),
      close: () => client.disconnect(),
    };
  },
};
