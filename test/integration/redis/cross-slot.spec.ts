import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, type Asked } from '../../support/callers.js';
import { startCluster, type RedisCluster } from '../../support/redis-cluster.js';
import { connect } from './site.js';

const CALLERS = 64;
const TURNS = 60;

describe('a plain client in front of a server that takes keys of one slot at a time', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster(1);
  });
  afterAll(() => cluster.stop());

  it('Exclusion: over thousands of holds no lock is lost, and no error comes', async () => {
    const { port } = cluster.nodes[0]!;
    const clients = [connect(port), connect(port)];
    const processes = clients.map((client) => new Callers(new RedisStore({ client })));
    const inside = new Map<string, number>();
    const faults: string[] = [];
    let holds = 0;
    const call = async (caller: number): Promise<void> => {
      const callers = processes[caller % 2]!;
      for (let turn = 0; turn < TURNS; turn += 1) {
        const key = `stock:${(caller * 7 + turn) % 40}`;
        const asked: Asked = callers.wait(key);
        const grant = await asked.granted;
        const count = (inside.get(key) ?? 0) + 1;
        inside.set(key, count);
        if (count > 1) faults.push(`${count} inside ${key}`);
        if (turn % 4 === 0 && !(await callers.extend(grant!, 60_000))) faults.push(`lost ${key}`);
        inside.set(key, inside.get(key)! - 1);
        if (!(await callers.release(grant!))) faults.push(`${key} was not ours`);
        holds += 1;
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));

    expect(faults).toEqual([]);
    expect(holds).toBe(CALLERS * TURNS);
    expect(await clients[0]!.dbsize()).toBe(0);
    for (const { store } of processes) await store.close();
    for (const client of clients) client.disconnect();
  });

  it('Exclusion: the call that learns of it loses none of the locks that it asks for', async () => {
    const client = connect(cluster.nodes[0]!.port);
    await client.ping();
    const callers = new Callers(new RedisStore({ client }));

    const grants = await Promise.all(Array.from({ length: 500 }, (_, i) => callers.take(`k:${i}`)));
    const renewed = await Promise.all(grants.map((grant) => callers.extend(grant, 60_000)));
    expect(renewed).not.toContain(null);
    const released = await Promise.all(grants.map((grant) => callers.release(grant)));
    expect(released).not.toContain(false);
    expect(await client.dbsize()).toBe(0);
    await callers.store.close();
    client.disconnect();
  });
});
