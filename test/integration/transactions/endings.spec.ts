import { once } from 'node:events';
import { Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LockLostError, LockService, MemoryStore } from '../../../lib/index.js';
import { startPostgres, type PostgresServer } from '../../support/postgres-server.js';
import { until } from '../../support/until.js';
import { openByHand, openCls, openTypeorm } from './libraries.js';
import type { Library } from './shop.js';
import { Stock, takeOne } from './stock.js';

const KEY = 'stock';

describe.each([
  ['typeorm-transactional', openTypeorm],
  ['@nestjs-cls/transactional', openCls],
  ['a TransactionScope', openByHand],
])('a transaction of %s', (_, open) => {
  let server: PostgresServer;
  let stock: Stock;
  let library: Library;
  let close: () => Promise<void>;
  let context: INestApplicationContext;
  let store: MemoryStore;
  let locks: LockService;
  let sku: string;
  const lostUnheard: Error[] = [];

  beforeAll(async () => {
    server = await startPostgres();
    stock = await Stock.open(server);
    ({ library, close } = await open(server));
    @Module({ imports: library.imports })
    class Root {}
    context = await NestFactory.createApplicationContext(Root, { logger: false });
  });
  beforeEach(async () => {
    store = new MemoryStore();
    lostUnheard.length = 0;
    locks = new LockService({
      store,
      transactions: [library.port],
      leaseTime: 60,
      lostUnheard: (error) => void lostUnheard.push(error),
    });
    sku = await stock.add();
  });
  afterEach(() => locks.close());
  afterAll(async () => {
    await context.close();
    await close();
    await stock.close();
    await server.stop();
  });

  const isFree = async (): Promise<boolean> => (await store.inspect(KEY)).holders.length === 0;
  const take = (): Promise<number> => takeOne(library.query, sku);

  it('has given the lock back when its caller goes on', async () => {
    await library.transaction(async () => {
      await locks.using(KEY, take);
      expect(await isFree()).toBe(false);
    });
    expect(await isFree()).toBe(true);
    expect(await stock.taken(sku)).toBe(1);
  });

  it('keeps the lock of a savepoint until its own end', async () => {
    await library.transaction(async () => {
      await library.savepoint(() => locks.using(KEY, take));
      expect(await isFree()).toBe(false);
      expect(await locks.using(KEY, { waitTime: 0 }, () => 'again')).toBe('again');
    });
    expect(await isFree()).toBe(true);
    expect(await stock.taken(sku)).toBe(1);
  });

  it('keeps the lock of a savepoint that was rolled back until its own end', async () => {
    await library.transaction(async () => {
      const failed = library.savepoint(() =>
        locks.using(KEY, async () => {
          await take();
          throw new Error('on purpose');
        }),
      );
      await expect(failed).rejects.toThrow('on purpose');
      expect(await isFree()).toBe(false);
    });
    expect(await isFree()).toBe(true);
    expect(await stock.taken(sku)).toBe(0);
  });

  it('No silent loss: rolls back when a lock was lost before the commit', async () => {
    const run = library.transaction(async () => {
      await locks.using(KEY, take);
      const lock = await locks.acquire(KEY);
      const lost = once(lock.signal, 'abort');
      await store.forceRelease(KEY);
      await lost;
    });
    await expect(run).rejects.toBeInstanceOf(LockLostError);
    expect(await stock.taken(sku)).toBe(0);
  });

  it('No silent loss: fails when a loss comes out after the commit', async () => {
    const run = library.transaction(async () => {
      await locks.using(KEY, { leaseTime: 30_000 }, take);
      await store.forceRelease(KEY);
    });
    await expect(run).rejects.toBeInstanceOf(LockLostError);
    expect(lostUnheard).toEqual([expect.any(LockLostError)]);
  });

  it('gives the lock back when its connection breaks', async () => {
    const run = library.transaction(async () => {
      await locks.using(KEY, take);
      const [backend] = await library.query('SELECT pg_backend_pid() AS pid', []);
      await stock.cut(Number(backend?.pid));
      await take();
    });
    await expect(run).rejects.toThrow();
    await until('the key is free', isFree);
  });

  it('gives the lock back when its COMMIT fails', async () => {
    const run = library.transaction(async () => {
      await locks.using(KEY, take);
      await library.query('INSERT INTO refused_at_commit VALUES (1), (1)', []);
    });
    await expect(run).rejects.toThrow('duplicate key');
    expect(await isFree()).toBe(true);
    expect(await stock.taken(sku)).toBe(0);
  });
});
