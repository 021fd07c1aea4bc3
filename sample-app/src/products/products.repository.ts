import { Injectable, NotFoundException } from '@nestjs/common';
import type { Row } from '@libsql/client';
import { Database } from '../database/database.js';
import type { Product, Sale, Sales } from './product.js';

@Injectable()
export class ProductsRepository {
  constructor(private readonly database: Database) {}

  async all(): Promise<Product[]> {
    const { rows } = await this.database.run('SELECT * FROM products ORDER BY stock DESC');
    return rows.map(toProduct);
  }

  async find(sku: string): Promise<Product> {
    const { rows } = await this.database.run('SELECT * FROM products WHERE sku = ?', [sku]);
    const row = rows[0];
    if (!row) throw new NotFoundException(`There is no product "${sku}"`);
    return toProduct(row);
  }

  /**
   * Reads a product in the name of a fencing token: from here on nobody with an older one writes
   * it. Undefined when a newer one was here already.
   */
  async claim(sku: string, fence: number): Promise<Product | undefined> {
    const [result] = await this.database.write([
      {
        sql: 'UPDATE products SET fence = :fence WHERE sku = :sku AND fence <= :fence RETURNING *',
        args: { sku, fence },
      },
    ]);
    const row = result?.rows[0];
    return row && toProduct(row);
  }

  /** Opens a new sale: this many pieces, no order yet. */
  async restock(sku: string, stock: number): Promise<void> {
    await this.database.write([
      { sql: 'UPDATE products SET stock = ? WHERE sku = ?', args: [stock, sku] },
      { sql: 'DELETE FROM orders WHERE sku = ?', args: [sku] },
    ]);
  }

  /**
   * Writes the new stock and the order, both or neither. With a fencing token the stock is only
   * written when no newer token wrote it before; false says that one did.
   */
  async record(sale: Sale): Promise<boolean> {
    const [, order] = await this.database.write([
      {
        sql: `UPDATE products SET stock = :left, fence = coalesce(:fence, fence)
              WHERE sku = :sku AND fence <= coalesce(:fence, fence)`,
        args: { left: sale.left, fence: sale.fence, sku: sale.sku },
      },
      {
        sql: `INSERT INTO orders (sku, mode, instance, fence, started_at, finished_at)
              SELECT :sku, :mode, :instance, :fence, :startedAt, :finishedAt WHERE changes() = 1`,
        args: {
          sku: sale.sku,
          mode: sale.mode,
          instance: process.pid,
          fence: sale.fence,
          startedAt: sale.startedAt,
          finishedAt: Date.now(),
        },
      },
    ]);
    return order?.rowsAffected === 1;
  }

  async sales(sku: string): Promise<Sales> {
    const { rows } = await this.database.run(
      `SELECT count(*) AS sold, coalesce(max(inside), 0) AS inside FROM (
         SELECT (SELECT count(*) FROM orders b
                 WHERE b.sku = a.sku AND b.started_at <= a.started_at AND b.finished_at > a.started_at) AS inside
         FROM orders a WHERE a.sku = ?)`,
      [sku],
    );
    return { sold: Number(rows[0]?.['sold']), insideAtOnce: Number(rows[0]?.['inside']) };
  }
}

function toProduct(row: Row): Product {
  return {
    sku: row['sku'] as string,
    name: row['name'] as string,
    stock: row['stock'] as number,
    workMs: row['work_ms'] as number,
  };
}
