import { LockError } from '../../../lib/lock/lock.errors.js';
import { LockService } from '../../../lib/lock/lock.service.js';
import type { ModeOptions } from '../../../lib/lock/mode-options.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { placeOf, type LockPrefix } from '../lock-names.js';
import type { Outcome } from '../history.js';
import { EXCLUSIVE, type Mode } from '../modes.js';
import type { Ask, Subject } from './subject.js';

/** The library, as two registrations of its module would build it. */
export async function librarySubject(url: string): Promise<Subject> {
  const services = { lock: await open(url, 'lock'), other: await open(url, 'other') };
  const at = ({ key: name, mode, leaseTime, waitTime, fair, signal }: Ask) => {
    const { prefix, key } = placeOf(name);
    const options = { ...optionsOf(mode), leaseTime, waitTime, fair, signal };
    return { locks: services[prefix], key, options };
  };
  return {
    acquire: (ask) => {
      const { locks, key, options } = at(ask);
      return locks.acquire(key, options);
    },
    tryAcquire: (ask) => {
      const { locks, key, options } = at(ask);
      return locks.tryAcquire(key, options);
    },
    acquireAll: async (asks) => {
      const { locks, options } = at({ ...asks[0]!, mode: EXCLUSIVE });
      const keys = asks.map(({ key, mode }) => ({ key: placeOf(key).key, ...optionsOf(mode) }));
      const held = await locks.acquireAll(keys, options);
      return keys.map(({ key }) => held.locks.find((lock) => lock.key === key)!);
    },
    resume: (ticket, ask) => {
      const { locks } = at(ask);
      return locks.resume(ticket, { leaseTime: ask.leaseTime });
    },
    using: (ask, task) => {
      const { locks, key, options } = at(ask);
      const whenUnavailable = ask.proceed ? 'proceed' : 'throw';
      return locks.using(key, { ...options, whenUnavailable }, task);
    },
    outcomeOf,
    close: async () => {
      await Promise.all(Object.values(services).map((locks) => locks.close()));
    },
  };
}

function optionsOf(mode: Mode): ModeOptions {
  return mode.kind === 'limited'
    ? { limit: mode.limit, permits: mode.permits }
    : { mode: mode.kind };
}

async function open(url: string, keyPrefix: LockPrefix): Promise<LockService> {
  const store = await RedisStore.open({ connection: url, keyPrefix });
  store.greet();
  return new LockService({ store, leaseTime: 1_000, waitTime: 1_000 });
}

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  LOCK_BUSY: 'busy',
  LOCK_ABORTED: 'aborted',
  LOCK_UNAVAILABLE: 'unavailable',
  LOCK_REFUSED: 'refused',
  LOCK_TICKET: 'ended',
};

export function outcomeOf(error: unknown): Outcome {
  return (error instanceof LockError ? OUTCOMES[error.code] : undefined) ?? 'wrong';
}
