import type { VirtualRedis } from '../support/virtual-redis.js';
import { LockSystem } from './lock-system.js';

/** One run on a server, with keys of its own. */
export class RedisSystem extends LockSystem {
  private static count = 0;

  constructor(private readonly redis: VirtualRedis) {
    RedisSystem.count += 1;
    super(redis.stores, `${RedisSystem.count}:`);
  }

  pass(ms: number): Promise<void> {
    return this.redis.pass(ms);
  }

  settle(): Promise<void> {
    return this.redis.settle();
  }

  protected async leftovers(keys: readonly string[]): Promise<string[]> {
    const names = keys.map((key) => `lock:${key}`);
    const found = await Promise.all(names.map((name) => this.redis.client.get(name).catch(String)));
    // For a moment a mark of the last token may stay, until the clock has passed it.
    return found.filter((value) => value !== null && !/^free \d+$/.test(value)).map(String);
  }
}
