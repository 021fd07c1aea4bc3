import { inspect } from 'node:util';
import { EXCLUSIVE, SHARED, type LockMode } from '../stores/lock-mode.js';
import { MAX_TIME, checkCount } from './checks.js';
import { LockUsageError } from './lock.errors.js';

/** How a lock is held beside others; left out, it is exclusive. */
export interface ModeOptions {
  /**
   * `exclusive`: alone. `shared`: together with all who share it, such as readers beside each other.
   * @default 'exclusive'
   */
  mode?: 'exclusive' | 'shared' | undefined;
  /**
   * How many permits the key has; instead of `mode`. All who ask for the key name the same number, as
   * long as it is in use. A whole number from 1 to 2 147 483 647.
   */
  limit?: number | undefined;
  /** How many of them this lock takes. A whole number from 1 to `limit`. @default 1 */
  permits?: number | undefined;
}

/** The names in `ModeOptions`. */
export const MODE_OPTIONS: readonly (keyof ModeOptions)[] = ['mode', 'limit', 'permits'];

/**
 * The mode that options ask for; undefined when they say nothing of it.
 * @throws LockUsageError that names what was received
 */
export function modeOf({ mode, limit, permits }: ModeOptions): LockMode | undefined {
  if (mode !== undefined && !['exclusive', 'shared'].includes(mode)) {
    throw new LockUsageError(
      `mode must be 'exclusive' or 'shared' (or give a limit instead), received ${inspect(mode)}`,
    );
  }
  if (limit === undefined) {
    if (permits !== undefined) {
      throw new LockUsageError(`permits ${inspect(permits)} was given without a limit: name both`);
    }
    if (mode === undefined) return undefined;
    return mode === 'shared' ? SHARED : EXCLUSIVE;
  }
  if (mode !== undefined) {
    throw new LockUsageError(
      `mode ${inspect(mode)} and limit ${inspect(limit)} were given together: a lock is one or the other`,
    );
  }
  checkCount('limit', limit, MAX_TIME);
  if (permits !== undefined) checkCount('permits', permits, limit, `limit ${limit}`);
  return { kind: 'limited', limit, permits: permits ?? 1 };
}
