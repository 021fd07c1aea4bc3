/** The few things asked of an ioredis client, single or Cluster, version 5 or 6. */
export interface RedisClient {
  readonly isCluster?: boolean;
  readonly status: string;
  readonly options: { readonly keyPrefix?: string | undefined };
  connect(): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  scan(
    cursor: string,
    match: 'MATCH',
    pattern: string,
    count: 'COUNT',
    most: number,
  ): Promise<unknown>;
  info(section: string): Promise<unknown>;
  duplicate(...override: (object | undefined)[]): RedisClient;
  subscribe(...channels: string[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<number>;
  // Declared as a method, so that the listeners of every version's own types fit.
  on(event: string, listener: { listen(...args: unknown[]): void }['listen']): unknown;
  off(event: string, listener: { listen(...args: unknown[]): void }['listen']): unknown;
  disconnect(reconnect?: boolean): void;
}

/** What is asked of a Cluster beyond that. */
export interface RedisClusterClient extends RedisClient {
  /** By slot: its nodes, the master first. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'master'): RedisClient[];
}

export function isCluster(client: RedisClient): client is RedisClusterClient {
  return client.isCluster === true;
}
