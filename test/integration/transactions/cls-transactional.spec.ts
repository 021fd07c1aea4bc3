import 'reflect-metadata';
import { Module } from '@nestjs/common';
import {
  ClsPluginTransactional,
  Propagation,
  TransactionHost,
  Transactional,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import { DataSource } from 'typeorm';
import { clsTransactional } from '../../../lib/transactions/cls-transactional.js';
import { describeArrangements } from './arrangements.js';

const PROPAGATION = {
  REQUIRED: Propagation.Required,
  NESTED: Propagation.Nested,
  REQUIRES_NEW: Propagation.RequiresNew,
};

describeArrangements('@nestjs-cls/transactional', async (server) => {
  const extra = { max: 40 };
  const dataSource = new DataSource({ type: 'postgres', url: server.url, extra });
  await dataSource.initialize();

  @Module({
    providers: [{ provide: DataSource, useValue: dataSource }],
    exports: [DataSource],
  })
  class Database {}

  const adapter = new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource });
  const plugin = new ClsPluginTransactional({ imports: [Database], adapter });
  const host = () => TransactionHost.getInstance<TransactionalAdapterTypeOrm>();
  return {
    library: {
      port: clsTransactional(),
      transactional: (propagation = 'REQUIRED') => Transactional(PROPAGATION[propagation]),
      transaction: (work) => host().withTransaction(work),
      query: (sql, values) => host().tx.query(sql, values),
      imports: [ClsModule.forRoot({ global: true, plugins: [plugin] })],
    },
    close: () => dataSource.destroy(),
  };
});
