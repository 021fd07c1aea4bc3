import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { addTransactionalDataSource, initializeTransactionalContext } from 'typeorm-transactional';
import { LockService, MemoryStore } from '../../../lib/index.js';
import { typeormTransactional } from '../../../lib/transactions/typeorm-transactional.js';

describe('typeormTransactional', () => {
  let locks: LockService;
  beforeAll(() => {
    initializeTransactionalContext();
  });
  const lockIn = async (name: string): Promise<string> => {
    const transactions = [typeormTransactional(name)];
    locks = new LockService({ store: new MemoryStore(), transactions });
    return locks.using('order:1', () => 'done');
  };
  afterEach(() => locks.close());

  it('knows of no transaction before its data source is there, and outside of transactions', async () => {
    expect(await lockIn('later')).toBe('done');
    const dataSource = new DataSource({ type: 'postgres' });
    addTransactionalDataSource({ name: 'later', dataSource });
    expect(await lockIn('later')).toBe('done');
  });

  it('refuses a data source that does not say in which transaction code runs', async () => {
    const dataSource = new DataSource({ type: 'postgres' });
    addTransactionalDataSource({ name: 'unpatched', dataSource, patch: false });
    await expect(lockIn('unpatched')).rejects.toThrow(
      'typeormTransactional was given the data source "unpatched", which was added with patch: false',
    );
  });
});
