/** Declared as a method, so that the listeners of every version's own types fit. */
type Listener = { listen(...args: unknown[]): void }['listen'];

/** The few things asked of an ioredis client, single or Cluster, version 5 or 6. */
export interface RedisClient {
  readonly isCluster?: boolean;
  readonly options: { readonly keyPrefix?: string | undefined };
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  duplicate(...override: (object | undefined)[]): RedisClient;
  subscribe(...channels: string[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<number>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  disconnect(reconnect?: boolean): void;
}
