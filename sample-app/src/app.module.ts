import { type DynamicModule, Module } from '@nestjs/common';
import { MemoryStore, RedisLockModule } from 'nest-locked';
import { DatabaseModule } from './database/database.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { ProductsModule } from './products/products.module.js';
import { LEASE_SECONDS, PATIENCE, SHOP_CONFIG, type ShopConfig } from './shop.config.js';
import { StormModule } from './storm/storm.module.js';

@Module({})
export class AppModule {
  static forRoot(config: ShopConfig): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [
        RedisLockModule.forRoot({
          ...(config.redisUrl ? { connection: config.redisUrl } : { store: new MemoryStore() }),
          leaseTime: LEASE_SECONDS * 1000,
          waitTime: PATIENCE,
        }),
        DatabaseModule,
        ProductsModule,
        OrdersModule,
        StormModule,
      ],
      providers: [{ provide: SHOP_CONFIG, useValue: config }],
      exports: [SHOP_CONFIG],
    };
  }
}
