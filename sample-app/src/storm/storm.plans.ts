/** How many orders are fired for how many pieces. */
export interface StormPlan {
  readonly name: string;
  readonly sku: string;
  readonly stock: number;
  readonly orders: number;
}

/** 3 ms of work for each order: many at once. */
export const RUSH: StormPlan = { name: 'rush', sku: 'sneaker', stock: 100, orders: 300 };

/** 2.5 s of work for each order, longer than the lease of 2 s: does the lock last? */
export const SLOW: StormPlan = { name: 'slow', sku: 'guitar', stock: 3, orders: 12 };

export const PLANS: readonly StormPlan[] = [RUSH, SLOW];
