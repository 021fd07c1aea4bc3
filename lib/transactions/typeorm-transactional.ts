import { getDataSourceByName, runOnTransactionComplete } from 'typeorm-transactional';
import { LockUsageError } from '../lock/lock.errors.js';
import type { TransactionPort } from '../lock/until.js';
import { OpenTransaction } from './open-transaction.js';

export type { TransactionPort } from '../lock/until.js';

type DataSource = NonNullable<ReturnType<typeof getDataSourceByName>>;
type Runner = NonNullable<DataSource['manager']['queryRunner']>;

/** By the runner that its outermost level and its savepoints share. */
const open = new WeakMap<Runner, OpenTransaction>();

/** Hears of commits, savepoints included, from TypeORM itself: the hooks of the other come later. */
const subscriber = {
  beforeTransactionCommit({ queryRunner }: { queryRunner: Runner }): void {
    open.get(queryRunner)?.check();
  },
  afterTransactionCommit: ({ queryRunner }: { queryRunner: Runner }) => endOf(queryRunner),
  afterTransactionRollback: ({ queryRunner }: { queryRunner: Runner }) =>
    endOf(queryRunner)?.catch(() => undefined),
};

/**
 * Tells locks of the transactions of `typeorm-transactional`. A lock that is lost before the commit makes
 * the transaction fail; a savepoint is part of its transaction.
 * @param dataSource its name in `addTransactionalDataSource`. For several, one port for each
 * @returns the port; it throws `LockUsageError` for a data source that was added with `patch: false`, which
 * does not say in which transaction code runs
 *
 * @example
 * ```ts
 * RedisLockModule.forRoot({ transactions: [typeormTransactional()] });
 *
 * @Transactional()
 * @Locked('stock:<0>')
 * async take(sku: string) { … } // the lock goes back when the transaction has ended
 * ```
 */
export function typeormTransactional(dataSource = 'default'): TransactionPort {
  return (end, check) => {
    const source = getDataSourceByName(dataSource);
    if (source && !isPatched(source)) throw unpatched(dataSource);
    const runner = source?.manager.queryRunner;
    if (!source || !runner?.isTransactionActive) return undefined;
    const transaction = open.get(runner) ?? begin(source, runner);
    transaction.join(end, check);
    return transaction;
  };
}

function isPatched(source: DataSource): boolean {
  return Object.getOwnPropertyDescriptor(source, 'manager')?.get !== undefined;
}

function unpatched(dataSource: string): LockUsageError {
  return new LockUsageError(
    `typeormTransactional was given the data source ${JSON.stringify(dataSource)}, which was added with patch: false and does not say in which transaction code runs: add it without that, or use a TransactionScope`,
  );
}

function begin(source: DataSource, runner: Runner): OpenTransaction {
  const begun = new OpenTransaction();
  open.set(runner, begun);
  // TypeORM makes the list anew whenever the data source is initialized.
  if (!source.subscribers.includes(subscriber)) source.subscribers.push(subscriber);
  // A connection that broke at its commit tells no subscriber.
  runOnTransactionComplete(() => {
    if (runner.isReleased || !runner.isTransactionActive) {
      void endOf(runner)?.catch(() => undefined);
    }
  });
  return begun;
}

/** Undefined while the outermost transaction goes on, and when its end was told before. */
function endOf(runner: Runner): Promise<void> | undefined {
  if (runner.isTransactionActive && !runner.isReleased) return undefined;
  const ended = open.get(runner);
  open.delete(runner);
  return ended?.end();
}
