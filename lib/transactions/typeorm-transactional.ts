import { getDataSourceByName, runOnTransactionComplete } from 'typeorm-transactional';
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
    const runner = source?.manager.queryRunner;
    if (!source || !runner?.isTransactionActive) return undefined;
    const transaction = open.get(runner) ?? begin(source, runner);
    transaction.join(end, check);
    return transaction;
  };
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
