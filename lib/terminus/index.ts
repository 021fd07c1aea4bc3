/** `nest-locked/terminus`: the locks in a health check. Needs `@nestjs/terminus`. */
export { LockHealthIndicator } from './lock-health.indicator.js';
export type { LockHealth, LockHealthOptions } from './lock-health.indicator.js';
