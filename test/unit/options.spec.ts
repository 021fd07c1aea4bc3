import { Redis } from 'ioredis';
import { LockUsageError, MemoryStore } from '../../lib/index.js';
import { resolveOptions } from '../../lib/module/redis-lock.options.js';

const problemOf = (options: unknown): string => {
  try {
    resolveOptions(options);
  } catch (error) {
    expect(error).toBeInstanceOf(LockUsageError);
    return (error as Error).message;
  }
  throw new Error('the options were taken');
};

describe('the options of the module', () => {
  const before = process.env['REDIS_URL'];
  beforeEach(() => {
    delete process.env['REDIS_URL'];
  });
  afterAll(() => {
    if (before !== undefined) process.env['REDIS_URL'] = before;
  });

  it('have defaults', () => {
    expect(resolveOptions({})).toEqual({
      connection: 'redis://127.0.0.1:6379',
      store: undefined,
      keyPrefix: 'lock',
      otherLibraries: false,
      transactions: [],
      leaseTime: 30_000,
      waitTime: 5_000,
      fair: false,
      handOver: { count: 64, time: 10 },
      unavailableAfter: 5_000,
      shutdownTimeout: 10_000,
      maxWaiters: 10_000,
      longWait: 2_000,
      httpStatus: { busy: 423, unavailable: 503, lost: 503, aborted: 503, key: 400, skipped: 204 },
    });
  });

  it('have their defaults where they are undefined', () => {
    const names = Object.keys(resolveOptions({}));
    const unsaid = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(resolveOptions(unsaid)).toEqual(resolveOptions({}));
    const inner = { handOver: { count: undefined }, httpStatus: { busy: undefined } };
    expect(resolveOptions(inner as object)).toEqual(resolveOptions({}));
  });

  it('look at REDIS_URL when there is no connection', () => {
    process.env['REDIS_URL'] = 'rediss://example.test:1';
    expect(resolveOptions({}).connection).toBe('rediss://example.test:1');
    expect(resolveOptions({ connection: 'redis://other' }).connection).toBe('redis://other');
    process.env['REDIS_URL'] = '';
    expect(resolveOptions({}).connection).toBe('redis://127.0.0.1:6379');
    process.env['REDIS_URL'] = 'localhost';
    expect(problemOf({})).toMatch(/^REDIS_URL must be a redis:\/\/ .* received 'localhost'$/);
  });

  it('take what they may', () => {
    const client = new Redis({ lazyConnect: true });
    const store = new MemoryStore();
    expect(resolveOptions({ connection: client }).connection).toBe(client);
    expect(resolveOptions({ connection: { port: 1 } }).connection).toEqual({ port: 1 });
    expect(resolveOptions({ store }).store).toBe(store);
    expect(resolveOptions({ leaseTime: 10, waitTime: 0, keyPrefix: 'x' })).toMatchObject({
      leaseTime: 10,
      waitTime: 0,
      keyPrefix: 'x',
    });
    expect(resolveOptions({ keyPrefix: '' }).keyPrefix).toBe('');
    expect(resolveOptions({ otherLibraries: true }).otherLibraries).toBe(true);
    expect(resolveOptions({ waitTime: 2 ** 31 - 1 }).waitTime).toBe(2 ** 31 - 1);
    expect(resolveOptions({ waitTime: Infinity, maxWaiters: 1 })).toMatchObject({
      waitTime: Infinity,
      maxWaiters: 1,
    });
    expect(resolveOptions({ httpStatus: { busy: 409, key: undefined } }).httpStatus).toMatchObject({
      busy: 409,
      key: 400,
    });
  });

  it.each([
    [undefined, 'the options must be an object, received undefined'],
    [[], 'the options must be an object, received []'],
    [{ leasetime: 5 }, 'unknown option "leasetime" (5); known are connection, store, keyPrefix'],
    [{ isGlobal: true }, 'in forRootAsync it stands beside useFactory'],
    [{ leaseTime: 9 }, 'leaseTime must be a number of ms from 10 to 2147483647, received 9'],
    [{ leaseTime: '30s' }, "received '30s'"],
    [{ leaseTime: Number.NaN }, 'received NaN'],
    [{ leaseTime: null }, 'received null'],
    [
      { waitTime: -1 },
      'waitTime must be a number of ms from 0 to 2147483647, or Infinity, received -1',
    ],
    [{ waitTime: -Infinity }, 'received -Infinity'],
    [{ leaseTime: Infinity }, 'received Infinity'],
    [{ maxWaiters: 0 }, 'maxWaiters must be a whole number from 1, received 0'],
    [{ maxWaiters: 1.5 }, 'received 1.5'],
    [{ maxWaiters: Infinity }, 'received Infinity'],
    [{ waitTime: 2 ** 31 }, 'received 2147483648'],
    [{ fair: 1 }, 'fair must be true or false, received 1'],
    [{ unavailableAfter: 0 }, 'unavailableAfter must be a number of ms from 1'],
    [{ shutdownTimeout: -1 }, 'shutdownTimeout must be a number of ms from 0'],
    [{ handOver: { counts: 1 } }, '"counts"'],
    [{ transactions: 'typeorm' }, "transactions must be a list of functions, received 'typeorm'"],
    [{ transactions: [() => undefined, {}] }, 'transactions[1] must be a function, such as'],
    [{ keyPrefix: 1 }, 'keyPrefix must be a string, received 1'],
    [{ otherLibraries: 'redlock' }, "otherLibraries must be true or false, received 'redlock'"],
    [
      { connection: 'localhost:6379' },
      "connection must be a redis:// or rediss:// URL, the options of ioredis, or an ioredis client (Redis or Cluster), received 'localhost:6379'",
    ],
    [{ connection: 'http://localhost' }, "received 'http://localhost'"],
    [{ connection: 'redis://bad host' }, "received 'redis://…'"],
    [{ connection: 6379 }, 'received 6379'],
    [{ connection: null }, 'received null'],
    [{ connection: { sendCommand: () => 1, isOpen: true } }, 'a client of another library'],
    [{ store: {} }, 'store must be a LockStore, such as new MemoryStore(), received {}'],
    [{ store: new MemoryStore(), connection: 'redis://x' }, 'connection and store were both given'],
    [{ httpStatus: 423 }, 'httpStatus must be an object, received 423'],
    [{ httpStatus: { bussy: 1 } }, 'unknown httpStatus "bussy" (1); known are busy'],
    [
      { httpStatus: { busy: 200 } },
      'httpStatus.busy must be a whole number from 400 to 599, received 200',
    ],
    [{ httpStatus: { busy: '409' } }, "received '409'"],
  ])('refuse %j', (options, problem) => {
    expect(problemOf(options)).toContain(problem);
  });

  it.each([
    ['http://user:secret@host'],
    ['redis:user:secret@host:6379'],
    ['redis:/user:secret@host'],
    ['user:secret@host:6379'],
    [':secret@host'],
    ['redis://user:sec@ret@ho st'],
    ['redis://user:se?cr@et#secret@ho st'],
    ['http://host?password=secret'],
    ['host:6379?password=p@secret'],
    ['redis//:secret@host'],
    ['redis://user:secret host'],
    ['redis://:secret%40ho st'],
    ['localhost:secret'],
  ])('never show the password in %s', (connection) => {
    process.env['REDIS_URL'] = connection;
    for (const problem of [problemOf({ connection }), problemOf({})]) {
      expect(problem).toMatch(/ must be a redis:\/\/ or rediss:\/\/ URL, .* received '.*…'$/);
      expect(problem).not.toMatch(/sec|ret@|user/);
    }
  });

  it.each([
    [{ password: 'secret' }],
    [{ url: 'redis://:secret@host' }],
    [{ redis: { password: 'secret' } }],
    [['redis://:secret@host']],
    [{ connection: ['redis://:secret@host'] }],
    [{ store: { password: 'secret' } }],
  ])('never show the password in %j', (options) => {
    expect(problemOf(options)).not.toContain('secret');
  });
});
