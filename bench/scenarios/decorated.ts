import type { Bench } from '../runner/bench.js';
import type { CaseResult } from '../runner/result.js';
import type { Sizes } from './sizes.js';

/** (h) what `@Locked` adds to `locks.using`, on the memory store. */
export async function decorated(_bench: Bench, _sizes: Sizes): Promise<CaseResult[]> {
  return [];
}
