import { Module, type DynamicModule } from '@nestjs/common';
import { RedisLockModule } from '../module/redis-lock.module.js';
import type { RedisLockModuleOptions } from '../module/redis-lock.options.js';
import { TestingStore, type TestingStoreOptions } from './testing-store.js';

/**
 * What `LockTestingModule.forRoot` takes: where the locks are is not asked, and by default nobody is waited for
 * at shutdown.
 */
export interface LockTestingOptions
  extends
    TestingStoreOptions,
    Omit<RedisLockModuleOptions, 'connection' | 'store' | 'keyPrefix' | 'otherLibraries'> {
  /** A store of the test's own. @default a new one with these options */
  readonly store?: TestingStore | undefined;
}

/**
 * `LockService` and `@Locked` for a test, on a `TestingStore` that can be injected too. It stands for
 * `RedisLockModule` where a test puts its module together itself; an application that has that already is
 * tested with `overrideProvider(LockStore)`.
 *
 * @example
 * ```ts
 * const module = await Test.createTestingModule({
 *   imports: [LockTestingModule.forRoot({ waitTime: 0 })],
 *   providers: [Orders],
 * }).compile();
 * module.get(TestingStore).busy('order:42');
 * await expect(module.get(Orders).pay(42)).rejects.toThrow(LockBusyError);
 * ```
 */
@Module({})
export class LockTestingModule {
  static forRoot(options: LockTestingOptions = {}): DynamicModule {
    const { clock, passThrough, ...rest } = options;
    const { store = new TestingStore({ clock, passThrough }), shutdownTimeout = 0 } = rest;
    return {
      module: LockTestingModule,
      global: true,
      imports: [RedisLockModule.forRoot({ ...rest, store, shutdownTimeout })],
      providers: [{ provide: TestingStore, useValue: store }],
      exports: [TestingStore],
    };
  }
}
