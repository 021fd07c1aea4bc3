import { Controller, Param, Post } from '@nestjs/common';
import { TillService, type Receipt } from './till.service.js';

/** What goes wrong: many read the same stock, and each writes back one less than it read. */
@Controller('products/:sku/orders/unlocked')
export class UnlockedOrdersController {
  constructor(private readonly till: TillService) {}

  @Post()
  place(@Param('sku') sku: string): Promise<Receipt> {
    return this.till.sell(sku, 'unlocked');
  }
}
