/**
 * Until when a lock is held: until the work that it was taken for has ended (`method`), or the
 * transaction that was active then, committed or rolled back (`transaction`), or the request handler
 * with all its interceptors (`handler`).
 */
export type Until = 'method' | 'transaction' | 'handler';

/** The values of `Until`. */
export const UNTIL: readonly Until[] = ['method', 'transaction', 'handler'];

/**
 * How locks hear of transactions: a function that is called, in the caller's async context, whenever a
 * lock is asked for.
 *
 * @param end to be called once the transaction that is active now has ended, committed or rolled back. It
 * gives the locks back, and rejects with `LockLostError` when one had been lost: let the transaction's
 * caller hear of that where it can be. Nothing happens to who leaves that promise alone
 * @param check may be called just before the commit: throws that `LockLostError` while there is still time
 * to roll back
 * @returns an object that stands for the transaction, the same one for as long as it lasts; `undefined`
 * when none is active, and then neither function is called
 *
 * @example
 * ```ts
 * const port: TransactionPort = (end, check) => {
 *   const transaction = mine.current();
 *   transaction?.beforeCommit(check);
 *   transaction?.afterEnd(end);
 *   return transaction;
 * };
 * RedisLockModule.forRoot({ transactions: [port] });
 * ```
 */
export type TransactionPort = (end: () => Promise<void>, check: () => void) => object | undefined;
