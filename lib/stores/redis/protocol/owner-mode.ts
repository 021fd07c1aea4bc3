import { EXCLUSIVE, SHARED, type LockMode } from '../../lock-mode.js';

/**
 * What an owner's id ends with, in capitals: nothing for an exclusive lock, `S` for a shared one,
 * `L5P2` for two permits of five. So the mode is known wherever the owner is, and travels for nothing.
 */
export function modeSuffix(mode: LockMode): string {
  if (mode.kind === 'exclusive') return '';
  return mode.kind === 'shared' ? 'S' : `L${mode.limit}P${mode.permits}`;
}

/** The mode in which an owner holds. */
export function modeOf(owner: string): LockMode {
  const [, suffix, limit, permits] = /\.[a-z\d]*(?:(S)|L(\d+)P(\d+))$/.exec(owner) ?? [];
  if (suffix) return SHARED;
  return limit ? { kind: 'limited', limit: Number(limit), permits: Number(permits) } : EXCLUSIVE;
}
