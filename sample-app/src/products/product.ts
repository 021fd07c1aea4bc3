export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly stock: number;
  readonly workMs: number;
}

/** What the orders of a product say of its sale so far. */
export interface Sales {
  readonly sold: number;
  /** The most orders that were between reading and writing the stock at one moment. */
  readonly insideAtOnce: number;
}

export type Mode = 'locked' | 'unlocked' | 'naive';
export const MODES: readonly Mode[] = ['locked', 'unlocked', 'naive'];

/** One order as it is written down, with the stock that it leaves. */
export interface Sale {
  readonly sku: string;
  readonly left: number;
  readonly mode: Mode;
  /** The fencing token of the lock it was sold under, if there was one. */
  readonly fence: number | null;
  readonly startedAt: number;
}
