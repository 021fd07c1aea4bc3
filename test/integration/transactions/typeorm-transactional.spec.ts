import 'reflect-metadata';
import { DataSource } from 'typeorm';
import {
  Propagation,
  Transactional,
  addTransactionalDataSource,
  initializeTransactionalContext,
  runInTransaction,
} from 'typeorm-transactional';
import { typeormTransactional } from '../../../lib/transactions/typeorm-transactional.js';
import { describeArrangements } from './arrangements.js';

describeArrangements('typeorm-transactional', async (server) => {
  initializeTransactionalContext();
  const extra = { max: 40 };
  const dataSource = new DataSource({ type: 'postgres', url: server.url, extra });
  addTransactionalDataSource(dataSource);
  await dataSource.initialize();
  return {
    library: {
      port: typeormTransactional(),
      transactional: (propagation = 'REQUIRED') =>
        Transactional({ propagation: Propagation[propagation] }),
      transaction: (work) => runInTransaction(work),
      query: (sql, values) => dataSource.query(sql, values),
      imports: [],
    },
    close: () => dataSource.destroy(),
  };
});
