import { load, type Library, type LockAdapter } from '../runner/library.js';
import { connectNodeRedis, polling, type NodeRedis } from './client.js';

interface Instance {
  readonly isValid: boolean;
  release(): Promise<boolean>;
  startAutoExtension(): void;
}

interface Redlock {
  acquire(key: string, ttl: number): Promise<Instance | null>;
}

export const redisKit: Library = {
  name: '@redis-kit/lock',
  kind: 'peer',
  package: '@redis-kit/lock',
  asks: 'script',
  variants: [
    { name: 'default', settings: '3 retries, every 200 to 300 ms' },
    { name: 'tuned', settings: 'retryDelayMs 5, retryJitterMs 5, tries for the whole wait' },
  ],
  async open(target, variant): Promise<LockAdapter<Instance>> {
    const { Redlock } = await load<{
      Redlock: new (clients: NodeRedis[], options?: object) => Redlock;
    }>('@redis-kit/lock');
    const client = await connectNodeRedis(target);
    const { delay, jitter, tries } = polling(target);
    const redlock = new Redlock(
      [client],
      variant === 'tuned'
        ? { retryDelayMs: delay, retryJitterMs: jitter, maxRetryAttempts: tries }
        : {},
    );
    const acquire = async (key: string): Promise<Instance> => {
      const lock = await redlock.acquire(key, target.leaseTime);
      if (lock === null) throw new Error('taken');
      return lock;
    };
    return {
      acquire,
      release: (lock) => lock.release(),
      async acquireRenewed(key) {
        const lock = await acquire(key);
        lock.startAutoExtension();
        return { isHeld: () => lock.isValid, release: () => lock.release() };
      },
      close: () => client.destroy(),
    };
  },
};
