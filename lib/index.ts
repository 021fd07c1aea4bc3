export { systemClock } from './clock.js';
export { setIfNewer } from './fencing/set-if-newer.js';
export { currentLock } from './lock/lock-context.js';
export {
  LockAbortedError,
  LockBusyError,
  LockError,
  LockKeyError,
  LockLostError,
  LockUnavailableError,
  LockUsageError,
} from './lock/lock.errors.js';
export { Lock } from './lock/lock.js';
export { LockService } from './lock/lock.service.js';
export { httpAnswer } from './locked/http-answer.js';
export { Locked } from './locked/locked.decorator.js';
export { LockErrorFilter } from './locked/locked.filter.js';
export { REDIS_LOCK_OPTIONS, RedisLockModule } from './redis-lock.module.js';
export { LockStore } from './stores/lock-store.js';
export { MemoryStore } from './stores/memory/memory-store.js';
export { RedisStore } from './stores/redis/redis-store.js';

export type { Clock, Instant, Timer } from './clock.js';
export type { ScriptClient } from './fencing/set-if-newer.js';
export type { HandOverBound } from './lock/local-line.js';
export type { AcquireOptions, ScopeOptions } from './lock/lock-options.js';
export type { LockEvent } from './lock/lock-events.js';
export type { AnyLockError, HolderFacts } from './lock/lock.errors.js';
export type { LockServiceOptions } from './lock/lock.service.js';
export type { LockErrorBody, LockHttpAnswer, LockHttpStatus } from './locked/http-answer.js';
export type { KeyFunction, LockKey } from './locked/lock-key.js';
export type { LockableResult, LockedDecorator } from './locked/locked.decorator.js';
export type { LockedOptions, WhenBusy } from './locked/locked.options.js';
export type { RedisLockModuleExtras } from './redis-lock.module-definition.js';
export type { RedisLockModuleOptions, ResolvedOptions } from './redis-lock.options.js';
export type {
  Attempt,
  Contention,
  Grant,
  HeldLease,
  LeaseRequest,
  LockState,
} from './stores/lock-store.js';
export type { RedisClient } from './stores/redis/redis-client.js';
export type { RedisConnection } from './stores/redis/redis-connection.js';
export type { RedisStoreOptions } from './stores/redis/redis-store.js';
