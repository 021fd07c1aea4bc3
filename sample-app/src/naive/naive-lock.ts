import { setTimeout as sleep } from 'node:timers/promises';
import {
  HttpException,
  Inject,
  Injectable,
  NotImplementedException,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Redis } from 'ioredis';
import { LEASE_SECONDS, PATIENCE, SHOP_CONFIG, type ShopConfig } from '../shop.config.js';

const RETRY_EVERY = 50;

/**
 * SET NX EX, then GET and DEL: the lock this library replaces, kept here to be watched failing. Its
 * identifier is the key's own name, so every holder looks like every other; nothing renews the
 * lease; whoever waits asks again and again, and luck decides who is next.
 */
@Injectable()
export class NaiveLock implements OnApplicationShutdown {
  private readonly redis: Redis | undefined;

  constructor(@Inject(SHOP_CONFIG) config: ShopConfig) {
    this.redis = config.redisUrl ? new Redis(config.redisUrl, { lazyConnect: true }) : undefined;
    // Commands reject by themselves; without a listener ioredis prints each reconnect.
    this.redis?.on('error', () => undefined);
  }

  async acquire(key: string): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while ((await this.client.set(key, key, 'EX', LEASE_SECONDS, 'NX')) === null) {
      if (Date.now() > deadline) throw new HttpException(`${key} is locked`, 423);
      await sleep(RETRY_EVERY);
    }
  }

  async release(key: string): Promise<void> {
    if ((await this.client.get(key)) === key) await this.client.del(key);
  }

  onApplicationShutdown(): void {
    this.redis?.disconnect();
  }

  private get client(): Redis {
    if (!this.redis) throw new NotImplementedException('the naive lock needs Redis: set REDIS_URL');
    return this.redis;
  }
}
