import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { childConfig, tellParent } from '../../support/child.js';
import { sleep } from '../../support/until.js';
import { moment } from '../../faults/moment.js';

export interface ReaderConfig {
  readonly url: string;
  readonly key: string;
  readonly readers: number;
}

/** A grant to a reader; times are those of the clock that all processes of a machine share, in ms. */
export interface Read {
  readonly asked: number;
  readonly granted: number;
  readonly token: number;
}

/** How long a reader reads, in ms, at most. */
const READ = 4;

/** Many readers of one process, who read again and again without pause until they are told to stop. */
const { url, key, readers } = childConfig() as ReaderConfig;
const store = await RedisStore.open({ connection: url });
const locks = new LockService({ store });
const reads: Read[] = [];
let over = false;

async function read(reader: number): Promise<void> {
  while (!over) {
    const asked = moment();
    await using lock = await locks.acquire(key, { mode: 'shared', waitTime: 30_000 });
    reads.push({ asked, granted: moment(), token: lock.token });
    await sleep(1 + (reader % READ));
  }
}

const done = Promise.all(Array.from({ length: readers }, (_, i) => read(i)));
process.on('message', () => {
  over = true;
  void done.then(async () => {
    await tellParent({ reads });
    await locks.close();
    process.disconnect();
  });
});
await tellParent({ ready: true });
