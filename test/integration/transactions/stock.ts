import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { PostgresServer } from '../../support/postgres-server.js';

/** How many come at once. */
export const CALLERS = 15;

/** How long a COMMIT that has changed a row takes at least, in ms. */
const COMMIT_TIME = 15;

/** A query in the transaction of the running code, or outside of any. */
export type Query = (sql: string, values: unknown[]) => Promise<Record<string, unknown>[]>;

/** A row that callers read, think about, and write; and its commits are slow. */
export class Stock {
  private constructor(private readonly client: Client) {}

  static async open(server: PostgresServer): Promise<Stock> {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await client.query(`
      CREATE TABLE stock (sku text PRIMARY KEY, amount int NOT NULL);
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(${COMMIT_TIME / 1000}); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE ON stock DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION slow();
      CREATE TABLE refused_at_commit (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
    `);
    return new Stock(client);
  }

  /** A new row with 100 in stock. */
  async add(): Promise<string> {
    const sku = randomUUID();
    await this.client.query('INSERT INTO stock VALUES ($1, 100)', [sku]);
    return sku;
  }

  async taken(sku: string): Promise<number> {
    const { rows } = await this.client.query<{ amount: number }>(
      'SELECT amount FROM stock WHERE sku = $1',
      [sku],
    );
    return 100 - rows[0]!.amount;
  }

  /** Ends a connection from the other side. */
  async cut(pid: number): Promise<void> {
    await this.client.query('SELECT pg_terminate_backend($1)', [pid]);
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

/** Reads, and writes what it makes of it: two at once lose one of their updates. */
export async function takeOne(query: Query, sku: string): Promise<number> {
  const [row] = await query('SELECT amount FROM stock WHERE sku = $1', [sku]);
  const amount = Number(row?.amount) - 1;
  await query('UPDATE stock SET amount = $1 WHERE sku = $2', [amount, sku]);
  return amount;
}
