import type { Mode } from '../products/product.js';
import type { StormPlan } from './storm.plans.js';

/** What a shop says of itself to those who want to fire at it. */
export interface About {
  readonly instances: readonly string[];
  readonly store: 'redis' | 'memory';
  readonly plans: readonly StormPlan[];
  /** The naive lock is made of Redis commands. */
  readonly modes: readonly Mode[];
}
