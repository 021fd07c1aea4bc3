import { Controller, Param, Post } from '@nestjs/common';
import { NaiveLock } from '../naive/naive-lock.js';
import { TillService, type Receipt } from './till.service.js';

/** The same sale under the lock that most people write by hand. */
@Controller('products/:sku/orders/naive')
export class NaiveOrdersController {
  constructor(
    private readonly lock: NaiveLock,
    private readonly till: TillService,
  ) {}

  @Post()
  async place(@Param('sku') sku: string): Promise<Receipt> {
    const key = `naive:stock:${sku}`;
    await this.lock.acquire(key);
    try {
      return await this.till.sell(sku, 'naive');
    } finally {
      await this.lock.release(key);
    }
  }
}
