import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { redisKey } from '../../lock-names.js';
import { pause } from '../../moment.js';
import type { Ask, HeldLock, Subject } from '../subject.js';
import { takeInTurn } from './in-turn.js';

/** Held until the lease ends; asked again by its owner, it is granted again. */
const ACQUIRE = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
return tonumber(time[1]) * 1000000 + tonumber(time[2])`;

const LEAVE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

const SHA = createHash('sha1').update(ACQUIRE).digest('hex');

/**
 * Breaks *Order*: a sound lock in all but one thing, that whoever gives up leaves at once instead of
 * after the answer to its question. A question that has to be sent again, since the server has
 * forgotten the script, then arrives behind its own leave, and nobody gives back what it takes.
 * @param owners what the owners' names begin with
 */
export function hastySubject(url: string, owners: string): Subject {
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  let count = 0;

  const question = (key: string, owner: string, leaseTime: number): Promise<unknown> =>
    client.evalsha(SHA, 1, key, owner, leaseTime).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return client.eval(ACQUIRE, 1, key, owner, leaseTime);
    });

  const attempt = async ({ key: name, leaseTime, signal }: Ask): Promise<HeldLock | null> => {
    const key = redisKey(name);
    const owner = `${owners}.${(count += 1)}`;
    const sent = performance.now();
    const leave = (): Promise<boolean> =>
      client.eval(LEAVE, 1, key, owner).then((left) => left === 1);
    const answer = question(key, owner, leaseTime);
    // Here is the haste: every third does not await what it asked for.
    if (count % 3 === 0) {
      answer.catch(() => undefined);
      await leave();
      return null;
    }
    const token = Number(await answer);
    if (token === 0) return null;
    if (signal?.aborted) return leave().then(() => null);
    return held(name, token, sent + leaseTime, leave);
  };

  const acquire = async (ask: Ask): Promise<HeldLock | null> => {
    const until = performance.now() + ask.waitTime;
    for (;;) {
      const lock = await attempt(ask);
      if (lock || performance.now() >= until || ask.signal?.aborted) return lock;
      await pause(10);
    }
  };

  return {
    acquire,
    tryAcquire: attempt,
    acquireAll: (asks) => takeInTurn(asks, acquire),
    using: async (ask, task) => {
      const lock = await acquire(ask);
      if (!lock) throw new Error('busy');
      await task(lock).finally(() => lock.release());
      if (lock.signal.aborted) throw new Error('lost');
    },
    outcomeOf: (error) => (error instanceof Error && error.message === 'busy' ? 'busy' : 'wrong'),
    close: async () => client.disconnect(),
  };
}

/** Not renewed: it ends with its lease, and says so. */
function held(key: string, token: number, until: number, leave: () => Promise<boolean>): HeldLock {
  const ended = new AbortController();
  setTimeout(() => ended.abort(), until - performance.now()).unref();
  return {
    key,
    token,
    signal: ended.signal,
    isHeld: () => performance.now() < until - 5,
    extend: async () => undefined,
    release: leave,
  };
}
