import { AsyncLocalStorage } from 'node:async_hooks';
import type { TransactionPort } from '../lock/until.js';
import { OpenTransaction } from './open-transaction.js';

/** What a transaction runs on: of two transactions on one connection, the outer one is suspended. */
export interface TransactionConnection {
  /** Whether the running code stands in a transaction on it. */
  isTransactionActive(): boolean;
}

/** What a piece of code stands in. */
interface Frame {
  readonly transaction: OpenTransaction;
  readonly connection: TransactionConnection;
  readonly outer: Frame | undefined;
}

/**
 * Marks where transactions begin and end that no library tells of: those that are begun by hand, by
 * Prisma, by MikroORM. Every `run` is a transaction of its own; savepoints inside it need none.
 *
 * @example
 * ```ts
 * export const transactions = new TransactionScope();
 *
 * RedisLockModule.forRoot({ transactions: [transactions.port] });
 *
 * // the one place of the application where transactions begin
 * transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
 *   return transactions.run((assertHeld) =>
 *     this.dataSource.transaction(async (manager) => {
 *       const result = await work(manager);
 *       assertHeld(); // a lock was lost: roll back
 *       return result;
 *     }),
 *   );
 * }
 * ```
 */
export class TransactionScope {
  private readonly frames = new AsyncLocalStorage<Frame>();
  private readonly own: TransactionConnection = { isTransactionActive: () => true };

  /** For `transactions` of the module. */
  readonly port: TransactionPort = (end, check) => {
    const transaction = this.active();
    transaction?.join(end, check);
    return transaction;
  };

  /**
   * Runs one transaction. Locks that are taken in it are given back when its promise has settled.
   * @param transaction begins, works, and commits or rolls back. It may call `assertHeld` just before the
   * commit, which throws `LockLostError` when one of its locks was lost
   * @param connection what it runs on, where the scope serves several
   * @returns what the transaction returns, after the locks were given back
   * @throws LockLostError when it has ended well, and one of its locks had been lost
   */
  async run<T>(
    transaction: (assertHeld: () => void) => Promise<T>,
    connection: TransactionConnection = this.own,
  ): Promise<T> {
    const open = new OpenTransaction();
    const frame = { transaction: open, connection, outer: this.frames.getStore() };
    let result: T;
    try {
      result = await this.frames.run(frame, () => transaction(() => open.check()));
    } catch (error) {
      // The transaction's own error says more than a loss would.
      await open.end().catch(() => undefined);
      throw error;
    }
    await open.end();
    return result;
  }

  /** The outermost of those that are active: with one connection there is one, with several one on each. */
  private active(): OpenTransaction | undefined {
    const seen = new Set<TransactionConnection>();
    let found: OpenTransaction | undefined;
    for (let at = this.frames.getStore(); at; at = at.outer) {
      if (at.transaction.isOver || seen.has(at.connection)) continue;
      seen.add(at.connection);
      if (at.connection.isTransactionActive()) found = at.transaction;
    }
    return found;
  }
}
