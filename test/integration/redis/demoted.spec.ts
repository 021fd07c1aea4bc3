import type { Redis } from 'ioredis';

import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { sleep, until } from '../../support/until.js';
import type { Callers } from '../../support/callers.js';
import { connect, NotedLog, openSite, type Site } from './site.js';
import { AT_ONCE, startReplica, switchOver, untilRole } from './replica.js';

const LEASE = 60_000;

/** An operator makes the server a replica of another one, and the client's options still lead to it. */
describe('a server that was demoted, and that the own client comes back to', () => {
  let site: Site;
  let master: RedisServer;
  let log: NotedLog;
  let client: Redis;
  let callers: Callers;
  let connections: number;
  beforeEach(async () => {
    [site, master] = await Promise.all([openSite(), startRedis({ args: AT_ONCE })]);
    log = new NotedLog();
    client = connect(site.server.port);
    callers = site.another({ client, ownsClient: true, log });
    connections = 0;
    client.on('ready', () => (connections += 1));
    await callers.release(await callers.take('warm'));
  });
  afterEach(async () => {
    await site.close();
    await master.stop();
  });

  const demote = async (): Promise<void> => {
    await site.admin.replicaof('127.0.0.1', master.port);
    await untilRole(site.server, 'slave');
  };
  const told = (): string[] => log.lines.filter((line) => line.includes('READONLY'));

  it('Three answers: READONLY to one of many in a call is seen: told once, and the connection is replaced', async () => {
    await demote();
    connections = 0;

    const keys = Array.from({ length: 30 }, (_, i) => `order:${i}`);
    const [tried, ...states] = await Promise.allSettled([
      callers.tryTake('order:42'),
      ...keys.map((key) => callers.store.inspect(key)),
    ]);

    expect(tried).toMatchObject({ status: 'rejected', reason: { name: 'ReplyError' } });
    // What a replica can answer it does answer, before or after.
    expect(states.map(({ status }) => status)).not.toContain('rejected');
    await until('connected anew', () => connections === 1);
    expect(told()).toHaveLength(1);
  });

  it('Three answers: READONLY to hundreds at once leaves the connection once', async () => {
    await demote();
    connections = 0;
    const leaving = jest.spyOn(client, 'disconnect');

    const tries = Array.from({ length: 300 }, (_, i) => callers.tryTake(`order:${i}`));
    for (const { status } of await Promise.allSettled(tries)) expect(status).toBe('rejected');
    await until('connected anew', () => connections > 0);

    // Some may have been asked on the next connection.
    expect(leaving.mock.calls.length).toBeLessThanOrEqual(connections + 1);
    expect(told()).toHaveLength(1);
    leaving.mockRestore();
  });

  it('Three answers: is told once, not at each connection, and is told anew after it was a master again', async () => {
    const held = await callers.take('held', 60_000);
    await site.admin.config('SET', 'replica-serve-stale-data', 'yes');
    await site.admin.replicaof('127.0.0.1', 1);
    connections = 0;
    await expect(callers.release(held)).rejects.toThrow('READONLY');
    await until('many connections', () => connections > 5, 10_000);
    expect(told()).toHaveLength(1);

    await site.admin.replicaof('NO', 'ONE');
    await callers.release(await callers.take('held'));
    expect(told()).toHaveLength(1);
    await demote();
    await expect(callers.tryTake('order:42')).rejects.toThrow('READONLY');
    await sleep(50);
    expect(told()).toHaveLength(2);
  });
});

describe('a server that was demoted, while the own client is led to the new master', () => {
  it('Three answers: is told once, also inside a group, and is left for good', async () => {
    const master = await startRedis();
    const log = new NotedLog();
    let port = master.port;
    const site = await openSite({}, master);
    const replica = await startReplica(master);
    const client = connect(port);
    // Where the client's options lead: as a DNS name or a Sentinel would.
    Object.defineProperty(client.options, 'port', { get: () => port, configurable: true });
    const own = site.another({ client, ownsClient: true, log });
    try {
      const grants = await Promise.all(
        Array.from({ length: 50 }, (_, i) => own.take(`order:${i}`, LEASE)),
      );
      const disconnect = jest.spyOn(client, 'disconnect');
      await switchOver(master, replica);
      port = replica.port;

      const renewals = await Promise.allSettled(
        own.store.extend(grants.map((grant) => ({ grant, leaseTime: LEASE }))),
      );
      for (const { status } of renewals) expect(status).toBe('rejected');
      await until('on the new master', async () => {
        const state = await own.store.inspect('order:0').catch(() => undefined);
        return (state?.holders.length ?? 0) > 0 && client.status === 'ready';
      });
      for (const grant of grants) expect(await own.release(grant)).toBe(true);

      expect(disconnect).toHaveBeenCalledTimes(1);
      expect(log.lines.filter((line) => line.includes('READONLY'))).toHaveLength(1);
      expect(log.lines[0]).toMatch(/^error this Redis takes no writes any more.*connecting anew/);
    } finally {
      await site.close();
      await replica.stop();
    }
  });
});
