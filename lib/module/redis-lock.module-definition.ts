import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { RedisLockModuleOptions } from './redis-lock.options.js';
import { GIVEN_OPTIONS, redisRegistration } from './redis-registration.js';

/** What surrounds the options: how the registration is known to the application. */
export interface RedisLockModuleExtras {
  /**
   * For `@Locked(key, { service: name })` and `@InjectLockService(name)`, where an application locks in several
   * places.
   * @default none: `@Locked(key)`, and injected by its class
   */
  name?: string | undefined;
  /**
   * Whether every module can inject the service and use `@Locked`.
   * @default true
   */
  isGlobal?: boolean | undefined;
}

/** By their names here the builder tells them from the options. */
const EXTRAS: RedisLockModuleExtras = { name: undefined, isGlobal: true };

export const { ConfigurableModuleClass, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<RedisLockModuleOptions>({
    moduleName: 'RedisLock',
    optionsInjectionToken: GIVEN_OPTIONS,
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createRedisLockOptions')
    .setExtras<RedisLockModuleExtras>(EXTRAS, (definition, { name, isGlobal = true }) => {
      const { providers, exports } = redisRegistration(name);
      return {
        ...definition,
        global: isGlobal,
        providers: [...(definition.providers ?? []), ...providers],
        exports,
      };
    })
    .build();
