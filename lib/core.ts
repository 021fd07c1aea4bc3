/** `nest-locked/core`: the locks without Nest, for command lines, scripts and workers. */
export { systemClock } from './clock.js';
export { setIfNewer } from './fencing/set-if-newer.js';
export { LeaderElection } from './leader/leader-election.js';
export { LeaderTerm, currentTerm } from './leader/leader-term.js';
export {
  LockAbortedError,
  LockBusyError,
  LockError,
  LockKeyError,
  LockLostError,
  LockRefusedError,
  LockTicketError,
  LockUnavailableError,
  LockUsageError,
} from './lock/lock.errors.js';
export { LockSet } from './lock/lock-set.js';
export { Lock } from './lock/lock.js';
export { LockService } from './lock/lock.service.js';
export { currentLock } from './lock/queue/lock-context.js';
export { EXCLUSIVE, SHARED, compatible } from './stores/lock-mode.js';
export { LockStore, StoreUnavailableError } from './stores/lock-store.js';
export { MemoryStore } from './stores/memory/memory-store.js';
export { RedisStore } from './stores/redis/redis-store.js';
export { TransactionScope } from './transactions/transaction-scope.js';

export type { Clock, Instant, Timer } from './clock.js';
export type { ScriptClient } from './fencing/set-if-newer.js';
export type { LeaderEvents } from './leader/leader-events.js';
export type {
  LeaderElectionOptions,
  LeaderElectionSettings,
  StepDownOptions,
} from './leader/leader-options.js';
export type { LockEvent } from './lock/lock-events.js';
export type { KeyPage, KeyState } from './lock/key-state.js';
export type { KeyInMode, LockKeys } from './lock/key-list.js';
export type { AcquireOptions, LockTask, ResumeOptions, ScopeOptions } from './lock/lock-options.js';
export type {
  AnyLockError,
  BusyReason,
  HolderFacts,
  LockErrorJson,
  TicketProblem,
} from './lock/lock.errors.js';
export type { Held } from './lock/lock-set.js';
export type { ModeOptions } from './lock/mode-options.js';
export type { LockServiceOptions } from './lock/lock-service-options.js';
export type { LockCounts } from './lock/queue/key-queues.js';
export type { HandOverBound } from './lock/queue/queue-settings.js';
export type { TransactionPort, Until } from './lock/until.js';
export type { LockMode } from './stores/lock-mode.js';
export type {
  Attempt,
  AttemptListener,
  ExtendRequest,
  Grant,
  HolderInfo,
  LeaseRequest,
  ListOptions,
  LockPage,
  LockState,
  Progress,
  ReleaseListener,
  Renewal,
  Silence,
  StoreTraits,
  Succession,
} from './stores/lock-store.js';
export type { RedisClient } from './stores/redis/redis-client.js';
export type { RedisConnection, RedisConnectionOptions } from './stores/redis/redis-connection.js';
export type { RedisStoreOpenOptions, RedisStoreOptions } from './stores/redis/redis-store.js';
export type { StoreLog } from './stores/store-log.js';
export type { TransactionConnection } from './transactions/transaction-scope.js';
