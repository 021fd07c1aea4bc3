import { Redis } from 'ioredis';

import { RedisStore } from '../../../lib/stores/redis/redis-store.js';
import { Callers, granted } from '../../support/callers.js';
import { commandCounts, resetCommands } from '../../support/redis-probe.js';
import { startRedis, type RedisServer } from '../../support/redis-server.js';
import { until } from '../../support/until.js';
import { Valve } from '../../support/valve.js';
import { NotedLog } from './site.js';

/** What the README tells operators to allow. */
const KEYS = '~lock:*';
const CHANNELS = '&nest-locked:inbox:*';
const COMMANDS =
  'evalsha eval get set del pexpire pttl type time zadd zrem zrange zrangebyscore zcard zscore pubsub|numsub publish subscribe scan info client|setname'.split(
    ' ',
  );

/** In the words of the server. */
const REFUSED = /no permissions|can't run|not allowed/i;

/** A store for a user who may do what the rules say, and nothing else. */
describe('a user of Redis with rules', () => {
  let server: RedisServer;
  let valve: Valve;
  let admin: Redis;
  let log: NotedLog;
  let here: Callers;
  let there: Callers;
  /** A process of a user who may do everything. */
  let free: Callers;

  beforeAll(async () => {
    server = await startRedis();
    valve = await Valve.start(() => server.port);
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    admin.disconnect();
    valve.close();
    await server.stop();
  });
  beforeEach(() => {
    log = new NotedLog();
  });
  afterEach(async () => {
    await Promise.all([here, there, free].map(({ store }) => store.close()));
    await admin.flushall();
  });

  async function open(rules: readonly string[]): Promise<void> {
    await admin.acl('SETUSER', 'locks', 'reset', 'on', '>secret', ...rules);
    await admin.script('FLUSH');
    await admin.acl('LOG', 'RESET');
    await resetCommands(server.url);
    const user = { username: 'locks', password: 'secret', retryStrategy: () => 20 };
    const [one, two, three] = await Promise.all([
      RedisStore.open({ connection: { port: server.port, ...user }, log }),
      RedisStore.open({ connection: { port: valve.port, ...user } }),
      RedisStore.open({ connection: server.url }),
    ]);
    free = new Callers(three);
    here = new Callers(one);
    there = new Callers(two);
  }

  const all = [KEYS, CHANNELS, ...COMMANDS.map((name) => `+${name}`)];
  const without = (rule: string): string[] => all.filter((each) => each !== rule);

  /** What was not allowed since `open`, as the server wrote it down. */
  const denied = async (): Promise<string[]> => {
    const entries = (await admin.acl('LOG')) as unknown[][];
    return entries.map((entry) => String(entry[entry.indexOf('object') + 1]));
  };
  /** The last in the queue is known to hear; asked in a way in which no store asks. */
  const untilHeard = (key: string): Promise<void> =>
    until('known to hear', async () => {
      const [last = ''] = await admin.zrevrange(`lock:${key}`, 0, 0);
      return last.endsWith(' 1');
    });

  it('can do everything with the rules of the README, and needs each of them', async () => {
    await open(all);

    const first = await here.take('a');
    expect(await here.extend(first, 30_000)).not.toBeNull();
    expect(await there.tryTake('a')).toBeNull();
    const heir = await there.waitAsNumber(1, 'a');
    const leaver = await there.waitAsNumber(2, 'a');
    const own = await here.waitAsNumber(3, 'a');
    await untilHeard('a');
    leaver.leave();
    await here.untilWaiting('a', 2);
    expect(await here.extend(first, 30_000)).not.toBeNull();
    expect(await here.release(first, first.token + 5)).toBe(true);
    const second = await granted(heir);
    expect(await there.extend(second, 30_000)).not.toBeNull();
    expect(await here.store.list()).toMatchObject({ locks: [{ key: 'a', waiting: 1 }] });
    expect(await there.release(second)).toBe(true);
    const third = await granted(own);
    const late = await there.waitAsNumber(1, 'a');
    expect(await there.store.forceRelease('a')).toBe(true);
    expect(await here.release(third)).toBe(false);
    expect(await there.release(await granted(late))).toBe(true);
    await admin.hset('lock:foreign', 'theirs', 1);
    await expect(here.take('foreign')).rejects.toThrow('holds a hash');
    await askTwice('b');
    await passOver('c');

    expect(await denied()).toEqual([]);
    const counts = await commandCounts(server.url);
    expect(COMMANDS.filter((name) => !counts.has(name))).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  it('No leftover: without channels locks work, a waiter asks by itself, and the rule to add is said once', async () => {
    await open(without(CHANNELS));
    await handOffs(5);
    const took = await handOff(free, here);

    // One who hears nothing asks every quarter of a second, and a slow machine takes its time.
    expect(took).toBeLessThan(250 + 100);
    expect(log.lines).toEqual([
      expect.stringMatching(
        /^warn Redis lets this user not subscribe on nest-locked:inbox:.*&nest-locked:inbox:\* \+subscribe \+publish/,
      ),
    ]);
    expect(await admin.dbsize()).toBe(0);
  });

  it.each(['subscribe', 'publish', 'pubsub|numsub'])(
    'No leftover: without %s locks work all the same',
    async (command) => {
      await open(without(`+${command}`));
      await handOffs(3);

      expect(log.lines.length).toBeLessThanOrEqual(1);
      expect(await admin.dbsize()).toBe(0);
    },
  );

  it.each([
    ['evalsha', /^error .*ACL rules in the README.*NOPERM.*evalsha/],
    ['set', /^error .*ACL/],
    ['time', /^error .*ACL/],
  ])(
    "Three answers: without %s a caller is refused with the server's words, and operators are told once",
    async (command, told) => {
      await open(without(`+${command}`));
      for (let round = 0; round < 20; round += 1) {
        await expect(here.take(`a${round}`)).rejects.toThrow(REFUSED);
        await expect(here.tryTake(`a${round}`)).rejects.toThrow(REFUSED);
      }

      expect(log.lines).toEqual([expect.stringMatching(told)]);
    },
  );

  it('Three answers: another name than that of locks is refused', async () => {
    await open(['~other:*', ...without(KEYS)]);
    await expect(here.take('a')).rejects.toThrow(REFUSED);
    await expect(here.store.inspect('a')).rejects.toThrow(REFUSED);
  });

  /** From one process to the other; how long it took, in ms. */
  async function handOff(from: Callers, to: Callers): Promise<number> {
    const holder = await from.take('a');
    const heir = await to.waitAsNumber(1, 'a');
    const released = performance.now();
    expect(await from.release(holder)).toBe(true);
    const grant = await granted(heir);
    const took = performance.now() - released;
    expect(await to.release(grant)).toBe(true);
    return took;
  }

  /** With one who may do all, with one who may not either, and within one process. */
  async function handOffs(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await handOff(free, here);
      await handOff(here, there);
      await handOff(here, here);
    }
  }

  /** One who was told by message and is not heard of again is passed over, with all of its process. */
  async function passOver(key: string): Promise<void> {
    const holder = await here.take(key);
    await there.waitAsNumber(1, key, 50);
    const next = await here.waitAsNumber(2, key, 1_500);
    await untilHeard(key);
    expect(await here.release(holder)).toBe(true);
    expect(await here.release(await granted(next))).toBe(true);
  }

  /** A question whose answer is lost with its connection is put again. */
  async function askTwice(key: string): Promise<void> {
    const holder = await here.take(key);
    valve.hold('down', 'commands');
    const waiting = there.wait(key);
    await valve.kept('down');
    valve.cut('commands');
    valve.open();
    await until('asked again', () => waiting.progress.state === 'queued');
    expect(await here.release(holder)).toBe(true);
    expect(await there.release(await granted(waiting))).toBe(true);
  }
});
