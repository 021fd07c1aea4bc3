import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';

import { Locked, LockService, LockStore, RedisLockModule } from '../../../../lib/index.js';
import { TestingStore } from '../../../../lib/testing/index.js';
import { childConfig, tellParent } from '../../../support/child.js';

const { url, what, closes } = childConfig() as {
  url: string;
  what: 'store' | 'service';
  closes: boolean;
};

@Injectable()
class Orders {
  @Locked('order:<0>')
  async pay(id: number): Promise<number> {
    return Promise.resolve(id);
  }
}

@Module({ imports: [RedisLockModule.forRoot({ connection: url })], providers: [Orders] })
class AppModule {}

/** A test as users write it, without a server: with the store replaced, or the whole service. */
const building = Test.createTestingModule({ imports: [AppModule] });
if (what === 'store') building.overrideProvider(LockStore).useValue(new TestingStore());
if (what === 'service') {
  const using = (_: string, __: object, task: (lock: undefined) => unknown): unknown =>
    task(undefined);
  building.overrideProvider(LockService).useValue({ using });
}
const module = await building.compile();
await module.init();
await tellParent({ paid: await module.get(Orders).pay(42) });
if (closes) await module.close();
process.disconnect();
