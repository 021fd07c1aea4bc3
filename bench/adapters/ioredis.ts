import { createHash } from 'node:crypto';
import type { Library, LockAdapter } from '../runner/library.js';
import { connect } from './client.js';

const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;
export const RELEASE_SHA = createHash('sha1').update(RELEASE).digest('hex');
export { RELEASE };

interface Held {
  readonly key: string;
  readonly id: string;
}

function bare(name: string, enableAutoPipelining: boolean, settings: string): Library {
  return {
    name,
    kind: 'floor',
    asks: 'SET',
    variants: [{ name: 'default', settings }],
    async open(target): Promise<LockAdapter<Held>> {
      const client = await connect(target, enableAutoPipelining);
      await client.script('LOAD', RELEASE);
      let count = 0;
      return {
        async acquire(key) {
          const id = `bare.${(count += 1).toString(36)}`;
          const reply = await client.set(key, id, 'PX', target.leaseTime, 'NX');
          if (reply !== 'OK') throw new Error('taken');
          return { key, id };
        },
        release: ({ key, id }) => client.evalsha(RELEASE_SHA, 1, key, id),
        close: () => client.disconnect(),
      };
    },
  };
}

/** The floor: the two commands that any lock needs, and nothing else. */
export const ioredis = bare('bare ioredis', false, 'SET NX PX, then EVALSHA compare-and-delete');
export const ioredisPipelining = bare(
  'bare ioredis, auto-pipelining',
  true,
  'the same with enableAutoPipelining',
);

/** What most people write first: ask again at once, until it is free. */
export const naive: Library = {
  name: 'naive busy polling',
  kind: 'peer',
  asks: 'SET',
  variants: [{ name: 'default', settings: 'SET NX PX again and again, without a pause' }],
  async open(target): Promise<LockAdapter<Held>> {
    const client = await connect(target);
    await client.script('LOAD', RELEASE);
    let count = 0;
    return {
      async acquire(key) {
        const id = `naive.${(count += 1).toString(36)}`;
        while ((await client.set(key, id, 'PX', target.leaseTime, 'NX')) !== 'OK');
        return { key, id };
      },
      release: ({ key, id }) => client.evalsha(RELEASE_SHA, 1, key, id),
      close: () => client.disconnect(),
    };
  },
};
