import { Redis } from 'ioredis';
import { redisKey } from '../../lock-names.js';
import { pause } from '../../moment.js';
import type { Ask, HeldLock, Subject } from '../subject.js';
import { takeInTurn } from './in-turn.js';

/**
 * The lock most people write by hand: SET NX PX with a value that is nobody's own, release by GET
 * and then DEL, no renewal, no word of a loss, no token. The campaign must find it out.
 */
export function naiveSubject(url: string): Subject {
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);

  const tryAcquire = async ({ key, leaseTime }: Ask): Promise<HeldLock | null> => {
    const reply = await client.set(redisKey(key), key, 'PX', leaseTime, 'NX');
    if (reply === null) return null;
    let released = false;
    return {
      key,
      token: 1,
      signal: new AbortController().signal,
      isHeld: () => !released,
      extend: async () => undefined,
      release: async () => {
        released = true;
        if ((await client.get(redisKey(key))) === key) await client.del(redisKey(key));
        return true;
      },
    };
  };

  const acquire = async (ask: Ask): Promise<HeldLock | null> => {
    const until = performance.now() + ask.waitTime;
    for (;;) {
      const lock = await tryAcquire(ask);
      if (lock || performance.now() >= until || ask.signal?.aborted) return lock;
      await pause(10);
    }
  };

  return {
    acquire,
    tryAcquire,
    acquireAll: (asks) => takeInTurn(asks, acquire),
    using: async (ask, task) => {
      const lock = await acquire(ask);
      if (!lock) throw new Error('busy');
      await task(lock).finally(() => lock.release());
    },
    outcomeOf: (error) => (error instanceof Error && error.message === 'busy' ? 'busy' : 'wrong'),
    close: async () => client.disconnect(),
  };
}
