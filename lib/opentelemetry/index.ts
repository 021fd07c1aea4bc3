/** `nest-locked/opentelemetry`: metrics and spans of the locks. Needs `@opentelemetry/api`. */
export { instrumentLocks } from './instrument-locks.js';
export type { LockInstrumentationOptions } from './instrument-locks.js';
