import { contendersOf, type Contender, type Library } from '../runner/library.js';
import { ioredis, ioredisPipelining, naive } from './ioredis.js';
import { ioredisLock } from './ioredis-lock.js';
import { leanPrototype } from './lean-prototype.js';
import { murlock } from './murlock.js';
import { nestLocked, nestLockedModes } from './nest-locked.js';
import { redisKit } from './redis-kit.js';
import { redisSemaphore, redisSemaphoreOf8 } from './redis-semaphore.js';
import { redlock4, redlock5, sesamecare } from './redlock.js';
import { redlockUniversal } from './redlock-universal.js';
import { simpleRedisMutex } from './simple-redis-mutex.js';
import { socket } from './socket.js';

export const floors: readonly Library[] = [ioredis, ioredisPipelining, socket, leanPrototype];

export const peers: readonly Library[] = [
  redlock4,
  redlock5,
  sesamecare,
  redisSemaphore,
  redlockUniversal,
  murlock,
  redisKit,
  simpleRedisMutex,
  ioredisLock,
  naive,
];

/** Locks that several hold together, ours and theirs. */
export const sharing: readonly Library[] = [nestLockedModes, redisSemaphoreOf8];

export const libraries: readonly Library[] = [...floors, nestLocked, ...peers, ...sharing];

/** The floor that every ratio is taken to. */
export const floor: Contender = contendersOf(ioredis)[0]!;

const all = libraries.flatMap(contendersOf);

export function contenderById(id: string): Contender {
  const found = all.find((contender) => contender.id === id);
  if (found === undefined) throw new Error(`no contender is called "${id}"`);
  return found;
}
