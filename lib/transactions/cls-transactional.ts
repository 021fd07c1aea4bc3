import { TransactionHost } from '@nestjs-cls/transactional';
import type { TransactionPort } from '../lock/until.js';
import { TransactionScope } from './transaction-scope.js';

export type { TransactionPort } from '../lock/until.js';

const scope = new TransactionScope();
let isHooked = false;

/**
 * Tells locks of the transactions of `@nestjs-cls/transactional`, whichever adapter makes them: TypeORM,
 * Prisma, Drizzle, Knex and others. A lock that is lost before the commit makes the transaction fail.
 *
 * @example
 * ```ts
 * RedisLockModule.forRoot({ transactions: [clsTransactional()] });
 *
 * @Transactional()
 * @Locked('stock:<0>')
 * async take(sku: string) { … } // the lock goes back when the transaction has ended
 * ```
 */
export function clsTransactional(): TransactionPort {
  if (!isHooked) hook();
  isHooked = true;
  return scope.port;
}

type WithTransaction = (this: TransactionHost, ...args: unknown[]) => Promise<unknown>;
type Work = (...args: unknown[]) => Promise<unknown>;

/** All transactions of the library go through this one method, which is public; it has no hook. */
function hook(): void {
  const host = TransactionHost.prototype as unknown as { withTransaction: WithTransaction };
  const original = host.withTransaction;
  host.withTransaction = function (...args) {
    const begins = args[0] === 'REQUIRES_NEW' || !this.isTransactionActive();
    if (!begins) return Reflect.apply(original, this, args);
    const work = args.at(-1) as Work;
    return scope.run((assertHeld) => {
      const checked: Work = async (...given) => {
        const result = await work(...given);
        assertHeld();
        return result;
      };
      // The library names it in its errors.
      Object.defineProperty(checked, 'name', { value: work.name });
      return Reflect.apply(original, this, [...args.slice(0, -1), checked]);
    }, this);
  };
}
