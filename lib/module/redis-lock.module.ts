import { Inject, Module, type DynamicModule } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { keepHandlerLocks } from './handler-locks.js';
import {
  ConfigurableModuleClass,
  type ASYNC_OPTIONS_TYPE,
  type OPTIONS_TYPE,
} from './redis-lock.module-definition.js';
import type { ResolvedOptions } from './redis-lock.options.js';
import { REDIS_LOCK_OPTIONS } from './redis-registration.js';

/**
 * Makes `LockService` and `@Locked` available to the application. One that locks in several places registers
 * each; all but one have a name.
 *
 * @example
 * ```ts
 * @Module({
 *   imports: [
 *     RedisLockModule.forRoot({ connection: 'redis://localhost:6379' }),
 *     RedisLockModule.forRoot({ name: 'billing', connection: 'redis://billing:6379' }),
 *   ],
 * })
 * export class AppModule {}
 *
 * RedisLockModule.forRootAsync({
 *   inject: [ConfigService],
 *   useFactory: (config: ConfigService) => ({ connection: config.getOrThrow('REDIS_URL') }),
 * })
 * ```
 */
@Module({})
export class RedisLockModule extends ConfigurableModuleClass {
  constructor(
    @Inject(ApplicationConfig) config: ApplicationConfig,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
    @Inject(REDIS_LOCK_OPTIONS) options: ResolvedOptions,
  ) {
    super();
    keepHandlerLocks(config, host, modules, options.httpStatus);
  }

  /** With no options: REDIS_URL, or else redis://127.0.0.1:6379. */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }

  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }
}
