import { Redis } from 'ioredis';
import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { moment } from '../../faults/moment.js';
import { childConfig, tellParent } from '../../support/child.js';
import { sleep, watch } from '../../support/until.js';

export interface WriterConfig {
  readonly url: string;
  readonly key: string;
  readonly turns: number;
}

/** One turn of the writer; times in ms of the clock that all processes of a machine share. */
export interface Write {
  readonly asked: number;
  /** Its arrival in the queue of the store, in µs of the server's clock, as tokens are; if it was seen. */
  readonly arrival: number | undefined;
  /** When it was seen there. */
  readonly seen: number;
  readonly granted: number;
  readonly token: number;
}

/** Writes now and then, and looks at its own place in the queue while it waits. */
const { url, key, turns } = childConfig() as WriterConfig;
const store = await RedisStore.open({ connection: url });
const locks = new LockService({ store });
const probe = new Redis(url);

/** The arrival of a waiter that is no reader: there is one only. */
async function arrivalOfWriter(): Promise<number | undefined> {
  const members = await probe.zrangebyscore(`lock:${key}`, 1e14, '+inf', 'WITHSCORES');
  const at = members.findIndex((member) => /\.[\da-z]+ \d+ \d$/.test(member));
  return at < 0 ? undefined : Number(members[at + 1]);
}

async function write(): Promise<Write> {
  const asked = moment();
  const waiting = locks.acquire(key, { waitTime: 30_000 });
  const progress = watch(waiting);
  let arrival: number | undefined;
  let seen = asked;
  // A key that nobody waits for may be a string: then it has no queue to look at.
  while (!progress.settled && arrival === undefined) {
    arrival = await arrivalOfWriter().catch(() => undefined);
    seen = moment();
  }
  await using lock = await waiting;
  const granted = moment();
  return { asked, arrival, seen, granted, token: lock.token };
}

process.on('message', () => {
  void (async () => {
    const writes: Write[] = [];
    for (let turn = 0; turn < turns; turn += 1) {
      writes.push(await write());
      await sleep(20 + (turn % 7));
    }
    await tellParent({ writes });
    await locks.close();
    probe.disconnect();
    process.disconnect();
  })();
});
await tellParent({ ready: true });
