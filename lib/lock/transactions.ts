import { inspect } from 'node:util';
import { KeptLocks, type Surroundings } from './kept-locks.js';
import { LockUsageError, quoted, type LockLostError } from './lock.errors.js';
import type { TransactionPort, Until } from './until.js';

/** What tells a service of transactions and handlers. */
export interface TransactionsOptions {
  readonly transactions: readonly TransactionPort[];
  /** Tells of request handlers; undefined where there are none. */
  readonly handler: TransactionPort | undefined;
  readonly lostUnheard: (error: LockLostError) => void;
}

/** Which transaction or handler the running code stands in, and which locks are kept for it. */
export class Transactions {
  private readonly known = new WeakMap<object, KeptLocks>();
  /** Whether a lock was ever kept for a handler: until then none needs to be looked for. */
  private keepsForHandlers = false;

  constructor(private readonly options: TransactionsOptions) {}

  /**
   * What a lock that is asked for now stands in, and is kept for beyond its own work; undefined for nothing.
   * @throws LockUsageError when it was asked to be kept for something that is not there
   */
  join(key: string | undefined, until: Until | undefined): Surroundings | undefined {
    const { transactions, handler } = this.options;
    if (until === 'handler') this.keepsForHandlers = true;
    if (transactions.length === 0 && !this.keepsForHandlers && until !== 'transaction') {
      return undefined;
    }
    const active = transactions.map((port) => this.enter(port)).filter((one) => one !== undefined);
    const [transaction, ...others] = active;
    if (transaction) transaction.beside = others;
    const request = handler && this.keepsForHandlers ? this.enter(handler) : undefined;
    const kept = until === 'handler' ? request : until === 'method' ? undefined : transaction;
    if (!kept && (until === 'handler' || until === 'transaction')) {
      throw new LockUsageError(
        `until: '${until}' was asked for ${key === undefined ? 'locks' : quoted(key)}, and ${this.missing(until)}`,
        key,
      );
    }
    const around = request ? [...active, request] : active;
    return around.length > 0 ? { around, kept } : undefined;
  }

  private missing(until: 'handler' | 'transaction'): string {
    if (until === 'handler') return 'no request handler runs here';
    return this.options.transactions.length > 0
      ? 'no transaction is active here'
      : 'the module was told of none: give it `transactions`';
  }

  private enter(port: TransactionPort): KeptLocks | undefined {
    let kept: KeptLocks | undefined;
    const transaction: unknown = port(
      () => kept?.end() ?? Promise.resolve(),
      () => kept?.check(),
    );
    if (transaction === undefined) return undefined;
    if (typeof transaction !== 'object' || transaction === null) {
      throw new LockUsageError(
        `a function of \`transactions\` returns an object that stands for the transaction, or undefined, received ${inspect(transaction)}`,
      );
    }
    kept = this.known.get(transaction);
    if (!kept) this.known.set(transaction, (kept = new KeptLocks(this.options.lostUnheard)));
    return kept.isOver ? undefined : kept;
  }
}

/**
 * Reads a list of ports.
 * @throws LockUsageError that names what was received
 */
export function readPorts(ports: unknown = []): readonly TransactionPort[] {
  const received = (name: string, value: unknown): string =>
    `${name}, received ${inspect(value, { depth: -1 })}`;
  if (!Array.isArray(ports)) {
    throw new LockUsageError(received('transactions must be a list of functions', ports));
  }
  for (const [i, port] of ports.entries()) {
    if (typeof port === 'function') continue;
    const allowed = 'a function, such as typeormTransactional() or the port of a TransactionScope';
    throw new LockUsageError(received(`transactions[${i}] must be ${allowed}`, port));
  }
  return ports as TransactionPort[];
}
