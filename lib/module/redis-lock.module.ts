import { Inject, Logger, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { LockService } from '../lock/lock.service.js';
import { HttpContext } from '../locked/context/http-context.js';
import { RpcContext } from '../locked/context/rpc-context.js';
import { LockErrorFilter } from '../locked/locked.filter.js';
import { HandlerScope } from '../locked/handler-scope.js';
import { LockedInterceptor } from '../locked/locked.interceptor.js';
import { LockStore } from '../stores/lock-store.js';
import { RedisStore } from '../stores/redis/redis-store.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './redis-lock.module-definition.js';
import { resolveOptions, type ResolvedOptions } from './redis-lock.options.js';

const log = new Logger('RedisLockModule');

/** The module's options with their defaults: `ResolvedOptions`. */
export const REDIS_LOCK_OPTIONS = Symbol('REDIS_LOCK_OPTIONS');

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
      provide: LockStore,
      inject: [REDIS_LOCK_OPTIONS],
      useFactory: ({ store, connection, keyPrefix, otherLibraries }: ResolvedOptions) =>
        store ??
        RedisStore.open({
          connection,
          keyPrefix,
          otherLibraries,
          log,
        }),
    },
    {
      provide: LockService,
      inject: [LockStore, REDIS_LOCK_OPTIONS],
      useFactory: (store: LockStore, options: ResolvedOptions) =>
        new LockService({
          ...options,
          store,
          ownsStore: options.store === undefined,
          handler: HandlerScope.port,
          lostUnheard: (error) => {
            log.error(`${error.message}; the transaction that it was kept for has ended`);
          },
        }),
    },
  ],
  exports: [LockService, LockStore, REDIS_LOCK_OPTIONS],
})
export class RedisLockModule extends ConfigurableModuleClass implements OnModuleInit {
  constructor(
    @Inject(ApplicationConfig) config: ApplicationConfig,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(REDIS_LOCK_OPTIONS) private readonly options: ResolvedOptions,
    @Inject(LockStore) private readonly store: LockStore,
  ) {
    super();
    const contexts = [new HttpContext(host, options.httpStatus), new RpcContext()];
    // Here, and not as APP_INTERCEPTOR: that comes after those of the root module, and a transaction
    // of theirs would commit after its lock was given back.
    config.addGlobalInterceptor(new LockedInterceptor(contexts));
    config.addGlobalFilter(new LockErrorFilter(contexts));
  }

  /** With no options: REDIS_URL, or else redis://127.0.0.1:6379. */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }

  onModuleInit(): void {
    // A store that the application brought is its own affair.
    if (!this.options.store && this.store instanceof RedisStore) this.store.greet();
  }
}
