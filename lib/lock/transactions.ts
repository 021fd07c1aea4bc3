import { inspect } from 'node:util';
import { KeptLocks } from './kept-locks.js';
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

  constructor(private readonly options: TransactionsOptions) {}

  /**
   * What a lock that is asked for now is kept for beyond its own work; undefined for nothing.
   * @throws LockUsageError when it was asked to be kept for something that is not there
   */
  join(key: string | undefined, until: Until | undefined): KeptLocks | undefined {
    const { transactions, handler } = this.options;
    if (until === 'method' || (until === undefined && transactions.length === 0)) return undefined;
    if (until === 'handler') {
      return (handler && this.enter(handler)) ?? refuse(key, until, 'no request handler runs here');
    }
    const active = transactions.map((port) => this.enter(port)).filter((one) => one !== undefined);
    const [first, ...others] = active;
    if (first) {
      first.beside = others;
      return first;
    }
    if (until === undefined) return undefined;
    const problem =
      transactions.length > 0
        ? 'no transaction is active here'
        : 'the module was told of none: give it `transactions`';
    return refuse(key, until, problem);
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

function refuse(key: string | undefined, until: Until, problem: string): never {
  const which = key === undefined ? 'a lock' : quoted(key);
  throw new LockUsageError(`until: '${until}' was asked for ${which}, and ${problem}`, key);
}
