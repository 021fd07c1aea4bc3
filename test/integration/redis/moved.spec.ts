import { Cluster, Redis } from 'ioredis';

import { LockService } from '../../../lib/lock/lock.service.js';
import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { slotOf } from '../../../lib/stores/redis/transport/key-slot.js';
import { startCluster, type RedisCluster } from '../../support/redis-cluster.js';
import { Heard } from '../holding/stand.js';

/** Two keys of one slot, and one of another. */
const KEPT = '{a}kept';
const GONE = '{a}gone';
const ELSEWHERE = 'b';

describe('a Cluster whose slots move', () => {
  let cluster: RedisCluster;
  let client: Cluster;
  let locks: LockService;
  let lost: Heard;
  let admins: Redis[];
  beforeEach(async () => {
    cluster = await startCluster();
    client = new Cluster([...cluster.startupNodes]);
    locks = new LockService({ store: new RedisStore({ client }), leaseTime: 600_000 });
    lost = new Heard('nest-locked:lost');
    admins = cluster.nodes.map(({ port }) => new Redis(port, '127.0.0.1'));
  });
  afterEach(async () => {
    lost.stop();
    await locks.close();
    client.disconnect();
    for (const admin of admins) admin.disconnect();
    await cluster.stop();
  });

  it('No silent loss: after MOVED to a master that knows nothing of it, a lock is found lost at once', async () => {
    const gone = await locks.acquire(GONE);
    const elsewhere = await locks.acquire(ELSEWHERE);

    await moveWithoutData(slotOf(`lock:${GONE}`));
    // Whatever is asked of the slot next is answered with MOVED.
    const other = await locks.acquire(KEPT);
    await lost.count(1);

    expect(lost.events.map(({ key }) => key)).toEqual([GONE]);
    expect(gone.signal.aborted).toBe(true);
    expect([elsewhere.isHeld(), other.isHeld()]).toEqual([true, true]);
    await Promise.all([elsewhere.release(), other.release()]);
  });

  /** Gives a slot to the next master, and loses what was in it. */
  async function moveWithoutData(slot: number): Promise<void> {
    const ids = await Promise.all(
      admins.map(async (admin) => String(await admin.call('CLUSTER', 'MYID'))),
    );
    const from = Math.floor((slot * admins.length) / 16_384);
    const to = ids[(from + 1) % ids.length]!;
    for (const key of (await admins[from]!.call(
      'CLUSTER',
      'GETKEYSINSLOT',
      slot,
      10,
    )) as string[]) {
      await admins[from]!.del(key);
    }
    for (const admin of [admins[(from + 1) % ids.length]!, ...admins]) {
      await admin.call('CLUSTER', 'SETSLOT', slot, 'NODE', to);
    }
  }
});
