import type { InStatement } from '@libsql/client';

/** Tables and the two products on sale; safe to run by every instance at every start. */
export const SCHEMA: InStatement[] = [
  `CREATE TABLE IF NOT EXISTS products (
     sku     TEXT PRIMARY KEY,
     name    TEXT NOT NULL,
     stock   INTEGER NOT NULL,
     work_ms INTEGER NOT NULL,           -- how long one order keeps the shop busy
     fence   INTEGER NOT NULL DEFAULT 0  -- the newest fencing token that wrote the stock
   )`,
  `CREATE TABLE IF NOT EXISTS orders (
     id          INTEGER PRIMARY KEY,
     sku         TEXT NOT NULL REFERENCES products (sku),
     mode        TEXT NOT NULL,
     instance    INTEGER NOT NULL,
     fence       INTEGER,
     started_at  INTEGER NOT NULL,
     finished_at INTEGER NOT NULL
   )`,
  'CREATE INDEX IF NOT EXISTS orders_sku ON orders (sku)',
  `INSERT OR IGNORE INTO products (sku, name, stock, work_ms)
   VALUES ('sneaker', 'Limited sneaker', 100, 3), ('guitar', 'Hand-built guitar', 3, 2500)`,
];
