import { Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { LockService } from './lock/lock.service.js';
import { LockErrorFilter } from './locked/locked.filter.js';
import { LockedInterceptor } from './locked/locked.interceptor.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './redis-lock.module-definition.js';
import { resolveOptions, type ResolvedOptions } from './redis-lock.options.js';
import { LockStore } from './stores/lock-store.js';
import { openConnection, type OpenedConnection } from './stores/redis/redis-connection.js';
import { RedisStore } from './stores/redis/redis-store.js';

/** The module's options with their defaults: `ResolvedOptions`. */
export const REDIS_LOCK_OPTIONS = Symbol('REDIS_LOCK_OPTIONS');
/** The connection to Redis; undefined with another store. */
const CONNECTION = Symbol('REDIS_LOCK_CONNECTION');

/**
 * Makes `LockService` and `@Locked` available to the application.
 *
 * @example
 * ```ts
 * @Module({ imports: [RedisLockModule.forRoot({ connection: 'redis://localhost:6379' })] })
 * export class AppModule {}
 *
 * RedisLockModule.forRootAsync({
 *   inject: [ConfigService],
 *   useFactory: (config: ConfigService) => ({ connection: config.getOrThrow('REDIS_URL') }),
 * })
 * ```
 */
@Module({
  providers: [
    {
      provide: REDIS_LOCK_OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: resolveOptions,
    },
    {
      provide: CONNECTION,
      inject: [REDIS_LOCK_OPTIONS],
      useFactory: ({ store, connection }: ResolvedOptions) =>
        store ? undefined : openConnection(connection),
    },
    {
      provide: LockStore,
      inject: [REDIS_LOCK_OPTIONS, CONNECTION],
      useFactory: ({ store, keyPrefix }: ResolvedOptions, connection: OpenedConnection) =>
        store ??
        new RedisStore({
          client: connection.client,
          ownsClient: connection.owned,
          keyPrefix,
        }),
    },
    {
      provide: LockService,
      inject: [LockStore, REDIS_LOCK_OPTIONS],
      useFactory: (store: LockStore, options: ResolvedOptions) =>
        new LockService({ ...options, store, ownsStore: options.store === undefined }),
    },
  ],
  exports: [LockService, LockStore, REDIS_LOCK_OPTIONS],
})
export class RedisLockModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(
    @Inject(ApplicationConfig) config: ApplicationConfig,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(REDIS_LOCK_OPTIONS) options: ResolvedOptions,
    @Inject(CONNECTION) private readonly connection: OpenedConnection | undefined,
  ) {
    super();
    // Here, and not as APP_INTERCEPTOR: that comes after those of the root module, and a transaction
    // of theirs would commit after its lock was let go.
    config.addGlobalInterceptor(new LockedInterceptor());
    config.addGlobalFilter(new LockErrorFilter(host, options.httpStatus));
  }

  /** With no options: REDIS_URL, or else redis://127.0.0.1:6379. */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }

  onModuleInit(): void {
    this.connection?.greet();
  }
}
