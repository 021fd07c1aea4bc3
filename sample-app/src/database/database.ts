import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createClient,
  LibsqlError,
  type Client,
  type InArgs,
  type InStatement,
  type ResultSet,
} from '@libsql/client';
import type { OnApplicationShutdown } from '@nestjs/common';
import { SCHEMA } from './schema.js';

const BUSY_TIMEOUT = 10_000;

/** The one SQLite file behind all instances. */
export class Database implements OnApplicationShutdown {
  private constructor(private readonly client: Client) {}

  static async open(file: string): Promise<Database> {
    const client = createClient({
      url: pathToFileURL(file).href,
      timeout: BUSY_TIMEOUT,
      // One connection: the PRAGMAs below hold for a connection, not for a file.
      concurrency: 1,
    });
    await useWriteAheadLog(client);
    await client.execute('PRAGMA synchronous = NORMAL');
    await client.batch(SCHEMA, 'write');
    return new Database(client);
  }

  run(sql: string, args: InArgs = []): Promise<ResultSet> {
    return this.client.execute(sql, args);
  }

  /** All statements or none, in a transaction that may write from its start. */
  write(statements: InStatement[]): Promise<ResultSet[]> {
    return this.client.batch(statements, 'write');
  }

  onApplicationShutdown(): void {
    this.client.close();
  }
}

/** The switch asks for the file alone and does not heed the busy timeout: instances that start together meet here. */
async function useWriteAheadLog(client: Client): Promise<void> {
  const deadline = Date.now() + BUSY_TIMEOUT;
  for (;;) {
    try {
      await client.execute('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      const busy = error instanceof LibsqlError && error.code === 'SQLITE_BUSY';
      if (!busy || Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}
