import type { Mode } from '../runner/bench.js';

/** How large everything is: `full` is what the published tables come from. */
export interface Sizes {
  /** Slices of distinct keys: how many rounds, of how many ms. */
  readonly distinctRounds: number;
  readonly distinctSlice: number;
  /** What a peer may use of one such case in all, in ms. */
  readonly distinctShare: number;
  readonly callers: readonly number[];
  readonly waiters: readonly number[];
  readonly holds: readonly number[];
  readonly drainRounds: number;
  /** What a peer may use of one drain case in all, and the end of one run, in ms. */
  readonly drainShare: number;
  readonly drainLimit: (waiters: number, hold: number) => number;
  readonly hotRounds: number;
  readonly hotTime: number;
  readonly hotTimePeers: number;
  /** Pairs measured right before a contended run. */
  readonly pairs: number;
  readonly idleTime: number;
  readonly idleTimePeers: number;
  readonly heldTime: number;
  readonly heldTimePeers: number;
  readonly heldLocks: number;
  readonly decoratedCalls: number;
}

const full: Sizes = {
  distinctRounds: 7,
  distinctSlice: 200,
  distinctShare: 900,
  callers: [4, 16, 64, 512],
  waiters: [2, 10, 100, 1000],
  holds: [0, 5],
  drainRounds: 9,
  drainShare: 1_200,
  drainLimit: (waiters, hold) =>
    waiters * hold * 1.3 + (waiters < 100 ? 2_000 : hold > 0 ? 1_500 : 6_000),
  hotRounds: 3,
  hotTime: 5_000,
  hotTimePeers: 1_500,
  pairs: 200,
  idleTime: 10_000,
  idleTimePeers: 4_000,
  heldTime: 30_000,
  heldTimePeers: 11_000,
  heldLocks: 10_000,
  decoratedCalls: 50_000,
};

const quick: Sizes = {
  ...full,
  distinctRounds: 5,
  distinctSlice: 120,
  distinctShare: 500,
  callers: [16, 64],
  waiters: [100],
  holds: [0],
  drainRounds: 7,
  drainShare: 700,
  drainLimit: () => 1_000,
  hotRounds: 2,
  hotTime: 1_500,
  hotTimePeers: 700,
};

/** Shows that everything runs; its figures mean nothing. */
const smoke: Sizes = {
  ...full,
  distinctRounds: 1,
  distinctSlice: 20,
  callers: [4, 64],
  waiters: [10],
  drainRounds: 1,
  drainShare: 100,
  drainLimit: () => 300,
  hotRounds: 1,
  hotTime: 100,
  hotTimePeers: 100,
  pairs: 20,
  idleTime: 500,
  idleTimePeers: 300,
  heldTime: 500,
  heldTimePeers: 300,
  heldLocks: 300,
  decoratedCalls: 500,
};

/** Ours against the bare pair and the prototype: enough rounds to trust a median, in 3 minutes. */
const ratios: Sizes = {
  ...full,
  distinctRounds: 9,
  distinctSlice: 300,
  waiters: [100, 1000],
  holds: [0],
  hotRounds: 5,
  hotTime: 1_500,
};

export const sizesOf: Readonly<Record<Mode, Sizes>> = { full, quick, smoke, ratios };
