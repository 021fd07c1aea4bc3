import type { Redis } from 'ioredis';
import { load, type Library, type LockAdapter, type RenewedLock } from '../runner/library.js';
import { connect, polling } from './client.js';

interface Settings {
  retryCount: number;
  retryDelay: number;
  retryJitter: number;
}

interface Redlock4 {
  new (
    clients: Redis[],
    settings?: Settings,
  ): { lock(key: string, ttl: number): Promise<{ unlock(): Promise<void> }> };
}

interface Redlock5 {
  new (
    clients: Redis[],
    settings?: Settings,
  ): {
    acquire(keys: string[], ttl: number): Promise<{ release(): Promise<unknown> }>;
    using(
      keys: string[],
      ttl: number,
      routine: (signal: AbortSignal) => Promise<void>,
    ): Promise<void>;
    on(event: 'error', listener: () => void): void;
  };
}

const variants = [
  { name: 'default', settings: '10 tries, every 200 to 300 ms' },
  { name: 'tuned', settings: 'retryDelay 5, retryJitter 5, tries for the whole wait' },
] as const;

export const redlock4: Library = {
  name: 'redlock 4',
  kind: 'peer',
  package: 'redlock4',
  asks: 'script',
  variants,
  async open(target, variant): Promise<LockAdapter<{ unlock(): Promise<void> }>> {
    const { default: Redlock } = await load<{ default: Redlock4 }>('redlock4');
    const client = await connect(target);
    const { delay, jitter, tries } = polling(target);
    const redlock = new Redlock(
      [client],
      variant === 'tuned'
        ? { retryCount: tries, retryDelay: delay, retryJitter: jitter }
        : undefined,
    );
    return {
      acquire: (key) => redlock.lock(key, target.leaseTime),
      release: (lock) => lock.unlock(),
      close: () => client.disconnect(),
    };
  },
};

/** redlock 5 and its fork differ in how the class is exported and in what was mended since. */
function redlockLike(
  name: string,
  folder: string,
  importClass: () => Promise<Redlock5>,
  note?: string,
): Library {
  return {
    name,
    kind: 'peer',
    package: folder,
    asks: 'script',
    variants,
    ...(note === undefined ? {} : { note }),
    async open(target, variant): Promise<LockAdapter<{ release(): Promise<unknown> }>> {
      const Redlock = await importClass();
      const client = await connect(target);
      const { delay, jitter, tries } = polling(target);
      const redlock = new Redlock(
        [client],
        variant === 'tuned'
          ? { retryCount: tries, retryDelay: delay, retryJitter: jitter }
          : undefined,
      );
      redlock.on('error', () => {});
      return {
        acquire: (key) => redlock.acquire([key], target.leaseTime),
        release: (lock) => lock.release(),
        acquireRenewed: (key) =>
          renewed((routine) => redlock.using([key], target.leaseTime, routine)),
        close: () => client.disconnect(),
      };
    },
  };
}

/** Turns a scope that renews into a handle. */
export function renewed(
  using: (routine: (signal: AbortSignal) => Promise<void>) => Promise<unknown>,
): Promise<RenewedLock> {
  return new Promise((resolve, reject) => {
    let leave = (): void => {};
    const left = new Promise<void>((done) => {
      leave = done;
    });
    const scope = using((signal) => {
      resolve({
        isHeld: () => !signal.aborted,
        release() {
          leave();
          return scope;
        },
      });
      return left;
    });
    scope.catch(reject);
  });
}

export const redlock5 = redlockLike(
  'redlock 5 beta',
  'redlock5',
  async () => (await load<{ default: Redlock5 }>('redlock5')).default,
);

export const sesamecare = redlockLike(
  '@sesamecare-oss/redlock',
  '@sesamecare-oss/redlock',
  async () => (await load<{ Redlock: Redlock5 }>('@sesamecare-oss/redlock')).Redlock,
);
