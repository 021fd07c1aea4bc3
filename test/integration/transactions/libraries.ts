import 'reflect-metadata';
import { Module } from '@nestjs/common';
import {
  ClsPluginTransactional,
  Propagation as ClsPropagation,
  TransactionHost,
  Transactional as ClsTransactional,
} from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule } from 'nestjs-cls';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Pool, type PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import {
  Propagation,
  Transactional,
  addTransactionalDataSource,
  initializeTransactionalContext,
  runInTransaction,
} from 'typeorm-transactional';
import { TransactionScope } from '../../../lib/index.js';
import { clsTransactional } from '../../../lib/transactions/cls-transactional.js';
import { typeormTransactional } from '../../../lib/transactions/typeorm-transactional.js';
import type { PostgresServer } from '../../support/postgres-server.js';
import type { Library, Propagation as Name } from './shop.js';

/** A library on a server, and what ends its connections. */
export interface OpenLibrary {
  readonly library: Library;
  readonly close: () => Promise<void>;
}

/** Callers that wait in a transaction have a connection each. */
const POOL = { max: 40 };

async function connect(server: PostgresServer): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url: server.url, extra: POOL, logging: false });
}

export async function openTypeorm(server: PostgresServer): Promise<OpenLibrary> {
  initializeTransactionalContext();
  const dataSource = addTransactionalDataSource(await connect(server));
  await dataSource.initialize();
  return {
    library: {
      port: typeormTransactional(),
      transactional: (propagation = 'REQUIRED') =>
        Transactional({ propagation: Propagation[propagation] }),
      transaction: (work) => runInTransaction(work),
      savepoint: (work) => dataSource.manager.transaction(work),
      query: (sql, values) => dataSource.query(sql, values),
      imports: [],
    },
    close: () => dataSource.destroy(),
  };
}

const CLS_PROPAGATION = {
  REQUIRED: ClsPropagation.Required,
  NESTED: ClsPropagation.Nested,
  REQUIRES_NEW: ClsPropagation.RequiresNew,
};

export async function openCls(server: PostgresServer): Promise<OpenLibrary> {
  const dataSource = await connect(server);
  await dataSource.initialize();

  @Module({ providers: [{ provide: DataSource, useValue: dataSource }], exports: [DataSource] })
  class Database {}

  const adapter = new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource });
  const plugin = new ClsPluginTransactional({ imports: [Database], adapter });
  const host = () => TransactionHost.getInstance<TransactionalAdapterTypeOrm>();
  return {
    library: {
      port: clsTransactional(),
      transactional: (propagation = 'REQUIRED') => ClsTransactional(CLS_PROPAGATION[propagation]),
      transaction: (work) => host().withTransaction(work),
      savepoint: (work) => host().withTransaction(ClsPropagation.Nested, work),
      query: (sql, values) => host().tx.query(sql, values),
      imports: [ClsModule.forRoot({ global: true, plugins: [plugin] })],
    },
    close: () => dataSource.destroy(),
  };
}

/** No library: an application that writes BEGIN and COMMIT itself, in one place. */
export async function openByHand(server: PostgresServer): Promise<OpenLibrary> {
  const pool = new Pool({ connectionString: server.url, ...POOL });
  // One that breaks while it is used fails the query that uses it.
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', () => undefined);
  const clients = new AsyncLocalStorage<PoolClient>();
  const scope = new TransactionScope();

  const transaction = <T>(work: () => Promise<T>): Promise<T> =>
    scope.run(async (assertHeld) => {
      const client = await pool.connect();
      let broken = false;
      try {
        await client.query('BEGIN');
        const result = await clients.run(client, work);
        assertHeld();
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => (broken = true));
        throw error;
      } finally {
        client.release(broken);
      }
    });

  const savepoint = async <T>(work: () => Promise<T>): Promise<T> => {
    const client = clients.getStore()!;
    await client.query('SAVEPOINT part');
    try {
      const result = await work();
      await client.query('RELEASE SAVEPOINT part');
      return result;
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT part');
      throw error;
    }
  };

  const run = (propagation: Name, work: () => Promise<unknown>): Promise<unknown> => {
    if (!clients.getStore() || propagation === 'REQUIRES_NEW') return transaction(work);
    return propagation === 'NESTED' ? savepoint(work) : work();
  };

  return {
    library: {
      port: scope.port,
      transactional:
        (propagation = 'REQUIRED') =>
        (_target, _name, descriptor: PropertyDescriptor) => {
          const method = descriptor.value as (...args: unknown[]) => Promise<unknown>;
          descriptor.value = function (...args: unknown[]) {
            return run(propagation, () => Reflect.apply(method, this, args));
          };
        },
      transaction,
      savepoint,
      query: async (sql, values) => {
        const { rows } = await (clients.getStore() ?? pool).query<Record<string, unknown>>(
          sql,
          values,
        );
        return rows;
      },
      imports: [],
    },
    close: () => pool.end(),
  };
}
