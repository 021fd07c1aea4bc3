import type { Bench } from '../runner/bench.js';
import type { CaseResult } from '../runner/result.js';
import { drains, drainsFromFour, hotKey } from './contended.js';
import { decorated } from './decorated.js';
import { manyCallers, oneCaller } from './distinct.js';
import { heldLocks } from './held.js';
import { idleWaiters } from './idle.js';
import { memory } from './memory.js';
import { modes } from './modes.js';
import { pythonLocks } from './python.js';
import type { Sizes } from './sizes.js';

export type ScenarioName = 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'm' | 'p';

export const scenarios: Readonly<
  Record<ScenarioName, (bench: Bench, sizes: Sizes) => Promise<CaseResult[]>>
> = {
  a: oneCaller,
  b: manyCallers,
  c: drains,
  d: drainsFromFour,
  e: hotKey,
  f: idleWaiters,
  g: heldLocks,
  h: decorated,
  i: memory,
  m: modes,
  p: pythonLocks,
};

/** What `quick` and `ratios` run. */
export const shortScenarios: readonly ScenarioName[] = ['a', 'b', 'c', 'e', 'm'];
