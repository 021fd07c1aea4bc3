/** `nest-locked/testing`: locks for tests, without a server. */
export { LockTestingModule } from './lock-testing.module.js';
export { TestingStore } from './testing-store.js';
export { VirtualClock } from './virtual-clock.js';
export type { LockTestingOptions } from './lock-testing.module.js';
export type { TestingStoreOptions } from './testing-store.js';
