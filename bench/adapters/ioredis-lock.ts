import type { Redis } from 'ioredis';
import { load, type Library, type LockAdapter } from '../runner/library.js';
import { connect, polling } from './client.js';

interface Lock {
  acquire(key: string): Promise<Lock>;
  release(): Promise<Lock>;
}

export const ioredisLock: Library = {
  name: '@microfleet/ioredis-lock',
  kind: 'peer',
  package: '@microfleet/ioredis-lock',
  asks: 'SET',
  variants: [
    { name: 'default', settings: '6 retries, every 50 to 60 ms' },
    { name: 'tuned', settings: 'delay 5, jitter 2, retries for the whole wait' },
  ],
  note: 'asks for ioredis 4 or 5 and is run here with the ioredis of this run all the same',
  async open(target, variant): Promise<LockAdapter<Lock>> {
    const { createLock } = await load<{ createLock: (client: Redis, options: object) => Lock }>(
      '@microfleet/ioredis-lock',
    );
    const client = await connect(target);
    const tuned = { delay: 5, jitter: 2, retries: polling(target).tries };
    const options = { timeout: target.leaseTime, ...(variant === 'tuned' ? tuned : {}) };
    return {
      acquire: (key) => createLock(client, options).acquire(key),
      release: (lock) => lock.release(),
      close: () => client.disconnect(),
    };
  },
};
