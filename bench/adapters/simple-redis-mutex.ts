import { load, type Library, type LockAdapter } from '../runner/library.js';
import { connectNodeRedis, type NodeRedis } from './client.js';

type Release = (() => Promise<void>) & { readonly fencingToken: number };

export const simpleRedisMutex: Library = {
  name: 'simple-redis-mutex',
  kind: 'peer',
  package: 'simple-redis-mutex',
  asks: 'SET',
  variants: [
    {
      name: 'default',
      settings: 'each release wakes all waiters, who ask again; polls every 10 s',
    },
    { name: 'tuned', settings: 'pollingInterval 50' },
  ],
  async open(target, variant): Promise<LockAdapter<Release>> {
    const { lock } = await load<{
      lock: (client: NodeRedis, name: string, options: object) => Promise<Release>;
    }>('simple-redis-mutex');
    const client = await connectNodeRedis(target);
    const options = {
      timeout: target.leaseTime,
      // Without this its waiters never leave, not even when the client is closed.
      failAfter: target.waitTime,
      ...(variant === 'tuned' ? { pollingInterval: 50 } : {}),
    };
    // Its subscriber is made by the first caller to come, and by each that comes with it.
    await (
      await lock(client, 'bench:warm', options)
    )();
    return {
      acquire: (key) => lock(client, key, options),
      release: (release) => release(),
      token: (release) => release.fencingToken,
      close: () => client.destroy(),
    };
  },
};
