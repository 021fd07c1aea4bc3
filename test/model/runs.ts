import type { Parameters } from 'fast-check';

/**
 * How often, and from which seed: `RUNS=50000 SEED=7 npx jest test/model`. What fails is told with its
 * seed, its path and the shortest sequence that fails.
 */
export function runs(usual: number): Parameters<unknown> {
  const { RUNS, SEED } = process.env;
  return { numRuns: Number(RUNS ?? usual), seed: Number(SEED ?? 20_260_802) };
}
