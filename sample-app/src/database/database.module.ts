import { Global, Module } from '@nestjs/common';
import { SHOP_CONFIG, type ShopConfig } from '../shop.config.js';
import { Database } from './database.js';

@Global()
@Module({
  providers: [
    {
      provide: Database,
      inject: [SHOP_CONFIG],
      useFactory: (config: ShopConfig) => Database.open(config.database),
    },
  ],
  exports: [Database],
})
export class DatabaseModule {}
