import { Module } from '@nestjs/common';
import { NaiveLock } from '../naive/naive-lock.js';
import { ProductsModule } from '../products/products.module.js';
import { NaiveOrdersController } from './naive-orders.controller.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';
import { TillService } from './till.service.js';
import { UnlockedOrdersController } from './unlocked-orders.controller.js';

@Module({
  imports: [ProductsModule],
  controllers: [OrdersController, UnlockedOrdersController, NaiveOrdersController],
  providers: [OrdersService, TillService, NaiveLock],
})
export class OrdersModule {}
