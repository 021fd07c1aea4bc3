import { Logger, type InjectionToken, type Provider } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { LockService } from '../lock/lock.service.js';
import { HandlerScope } from '../locked/handler-scope.js';
import { getLockServiceToken, getLockStoreToken } from '../locked/service-token.js';
import type { LockStore } from '../stores/lock-store.js';
import { RedisStore } from '../stores/redis/redis-store.js';
import { resolveOptions, type ResolvedOptions } from './redis-lock.options.js';
import { RegistrationBoot } from './registration-boot.js';

const log = new Logger('RedisLockModule');

/** The module's options with their defaults: `ResolvedOptions`. */
export const REDIS_LOCK_OPTIONS = Symbol('REDIS_LOCK_OPTIONS');
/** The options as the application gave them. */
export const GIVEN_OPTIONS = Symbol('REDIS_LOCK_GIVEN_OPTIONS');

/** All that one registration provides and exports, under the tokens of its name. */
export function redisRegistration(name: string | undefined): {
  providers: Provider[];
  exports: InjectionToken[];
} {
  const [serviceToken, storeToken] = [getLockServiceToken(name), getLockStoreToken(name)];
  return {
    providers: [
      { provide: REDIS_LOCK_OPTIONS, inject: [GIVEN_OPTIONS], useFactory: resolveOptions },
      { provide: storeToken, inject: [REDIS_LOCK_OPTIONS], useFactory: storeOf },
      {
        provide: serviceToken,
        inject: [storeToken, REDIS_LOCK_OPTIONS],
        useFactory: (store: LockStore, options: ResolvedOptions) =>
          new LockService({
            ...options,
            store,
            ownsStore: options.store === undefined,
            registration: name,
            handler: HandlerScope.port,
            log,
            lostUnheard: (error) => {
              log.error(`${error.detail}; the transaction that it was kept for has ended`);
            },
          }),
      },
      {
        provide: RegistrationBoot,
        inject: [ModulesContainer, storeToken, serviceToken, REDIS_LOCK_OPTIONS],
        useFactory: (
          modules: ModulesContainer,
          store: LockStore,
          service: unknown,
          options: ResolvedOptions,
        ) =>
          new RegistrationBoot(modules, name, () => {
            // A store that the application brought is its own affair; and of one that the service of a test
            // does not use, nobody would close the connection.
            const isUsed = !options.store && service instanceof LockService;
            if (isUsed && store instanceof RedisStore) store.greet();
          }),
      },
    ],
    exports: [serviceToken, storeToken, ...(name === undefined ? [REDIS_LOCK_OPTIONS] : [])],
  };
}

async function storeOf(options: ResolvedOptions): Promise<LockStore> {
  const { store, connection, keyPrefix, otherLibraries } = options;
  return store ?? (await RedisStore.open({ connection, keyPrefix, otherLibraries, log }));
}
