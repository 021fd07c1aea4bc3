/** What one instance is told by its environment. */
export interface ShopConfig {
  readonly host: string;
  readonly port: number;
  /** Undefined: no Redis, the locks live in this one process. */
  readonly redisUrl: string | undefined;
  /** The SQLite file that all instances share. */
  readonly database: string;
  /** Base URLs of all instances, this one included. */
  readonly instances: readonly string[];
}

/**
 * How long a lock lives without a renewal, in seconds: for `@Locked` and for the naive lock alike.
 * Short on purpose, so that the guitar, which takes longer, shows what a lease does.
 */
export const LEASE_SECONDS = 2;

/** How long an order stands in line, in ms: enough for the last of a whole storm. */
export const PATIENCE = 60_000;

export const SHOP_CONFIG = Symbol('SHOP_CONFIG');

export function readConfig(env: NodeJS.ProcessEnv = process.env): ShopConfig {
  const host = env['HOST'] ?? '127.0.0.1';
  const port = Number(env['PORT'] ?? 3000);
  return {
    host,
    port,
    redisUrl: env['REDIS_URL'] || undefined,
    database: env['SHOP_DATABASE'] ?? 'shop.db',
    instances: env['SHOP_INSTANCES']?.split(',') ?? [`http://${host}:${port}`],
  };
}
