import { inspect } from 'node:util';
import { Inject } from '@nestjs/common';
import { DEFAULT_REGISTRATION } from '../lock/lock-options.js';
import { LockUsageError } from '../lock/lock.errors.js';
import { LockService } from '../lock/lock.service.js';
import { LockStore } from '../stores/lock-store.js';

/** The name of a registration; `undefined` for the one without. @throws LockUsageError */
export function checkRegistration(name: unknown): string | undefined {
  if (
    name === undefined ||
    (typeof name === 'string' && !['', DEFAULT_REGISTRATION].includes(name))
  )
    return name;
  throw new LockUsageError(
    `the name of a registration is a non-empty string other than "${DEFAULT_REGISTRATION}", received ${inspect(name)}`,
  );
}

/**
 * What Nest knows a lock service by: the class, or for a registration with a name a string.
 * @throws LockUsageError when the name is not a non-empty string
 *
 * @example
 * ```ts
 * const locks = app.get<LockService>(getLockServiceToken('billing'));
 * ```
 */
export function getLockServiceToken(name?: string): typeof LockService | string {
  return checkRegistration(name) === undefined ? LockService : `LockService:${name}`;
}

/**
 * What Nest knows the store of a registration by, as `getLockServiceToken`; for a test to override.
 * @throws LockUsageError when the name is not a non-empty string
 *
 * @example
 * ```ts
 * Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(getLockStoreToken('billing'))
 *   .useValue(new MemoryStore());
 * ```
 */
export function getLockStoreToken(name?: string): typeof LockStore | string {
  return checkRegistration(name) === undefined ? LockStore : `LockStore:${name}`;
}

/**
 * Injects the lock service of the registration with that name. The one without is injected by its class.
 *
 * @example
 * ```ts
 * constructor(@InjectLockService('billing') private readonly locks: LockService) {}
 * ```
 */
export function InjectLockService(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getLockServiceToken(name));
}
