import { Controller, Param, Post } from '@nestjs/common';
import { Locked } from 'nest-locked';
import { OrdersService } from './orders.service.js';
import type { Receipt } from './till.service.js';

@Controller('products/:sku/orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @Locked('stock:<0>')
  place(@Param('sku') sku: string): Promise<Receipt> {
    return this.orders.place(sku);
  }
}
