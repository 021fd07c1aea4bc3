import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';

import { LockBusyError } from '../../../../lib/lock/lock.errors.js';
import type { Lock } from '../../../../lib/lock/lock.js';
import { LockService } from '../../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../../support/child.js';

export interface LeftoversConfig {
  readonly url: string;
  readonly kind: 'distinct keys' | 'locks held at once' | 'timed-out waits' | 'aborted waits';
  readonly rounds: number;
  readonly warmUp: number;
}

export interface Leftovers {
  /** Bytes of heap that the rounds left behind. */
  readonly heap: number;
  /** What keeps the process busy, and who listens to what, before and after. */
  readonly before: Resources;
  readonly after: Resources;
}

export interface Resources {
  readonly timers: number;
  readonly listeners: Record<string, number>;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const { url, kind, rounds, warmUp } = childConfig() as LeftoversConfig;
const client = new Redis(url);
const holderClient = new Redis(url);
const locks = new LockService({ store: new RedisStore({ client }) });
const holder = new LockService({ store: new RedisStore({ client: holderClient }) });

/** So many at a time, until all are done. */
async function crowd(total: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < total) await work(next++);
  };
  await Promise.all(Array.from({ length: 250 }, one));
  await Promise.all(held.splice(0).map((lock) => lock.release()));
}

let made = 0;
const distinctKey = async (): Promise<unknown> => {
  made += 1;
  return locks.using(`order:${String(made)}`, ({ signal }) => signal);
};

/** Held until all of them are. */
const held: Lock[] = [];
async function heldAtOnce(i: number): Promise<void> {
  held.push(await locks.acquire(`order:${String(i)}`));
}

async function timedOutWait(i: number): Promise<void> {
  try {
    await locks.acquire(kind, { waitTime: 20, fair: i % 2 === 0 });
  } catch (error) {
    if (error instanceof LockBusyError) return;
    throw error;
  }
  throw new Error('granted though it was taken');
}

/** All by one signal that lives as long as they do, as a server's would. */
const shared = new AbortController();
async function abortedWait(i: number): Promise<void> {
  const own = new AbortController();
  const signal = AbortSignal.any([shared.signal, own.signal]);
  const refused = locks.acquire(kind, { signal, fair: i % 2 === 0 }).then(
    () => Promise.reject(new Error('granted though it was taken')),
    () => undefined,
  );
  setImmediate(() => own.abort());
  await refused;
}

const work = {
  'distinct keys': distinctKey,
  'locks held at once': heldAtOnce,
  'timed-out waits': timedOutWait,
  'aborted waits': abortedWait,
}[kind];

function resources(): Resources {
  const listeners: Record<string, number> = {};
  for (const [name, emitter] of [['client', client] as const, ['process', process] as const]) {
    for (const event of emitter.eventNames()) {
      listeners[`${name} ${String(event)}`] = emitter.listenerCount(event);
    }
  }
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  return { timers, listeners };
}

async function heap(): Promise<number> {
  // What is finalised in one collection is freed in the next.
  for (let i = 0; i < 4; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

const taken = await holder.acquire(kind, { leaseTime: 120_000 });
await crowd(warmUp, work);
const heapBefore = await heap();
const before = resources();
await crowd(rounds, work);
const heapAfter = await heap();
const after = resources();
await tellParent({ heap: heapAfter - heapBefore, before, after } satisfies Leftovers);
await taken.release();
await locks.close();
await holder.close();
client.disconnect();
holderClient.disconnect();
process.disconnect();
