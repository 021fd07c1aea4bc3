import type { Mode, Product, Sales } from '../products/product.js';
import type { StormPlan } from './storm.plans.js';

export interface StormResult {
  readonly plan: string;
  readonly mode: Mode;
  /** Pieces there were, and orders fired. */
  readonly stock: number;
  readonly orders: number;
  /** Orders in the database. */
  readonly sold: number;
  /** Stock in the database. */
  readonly left: number;
  /** Pieces sold that there never were. */
  readonly oversold: number;
  /** The most orders between reading and writing the stock at one moment: 1 is right. */
  readonly insideAtOnce: number;
  /** Answers other than "sold" and "sold out". */
  readonly errors: number;
  readonly ms: number;
}

const PATHS: Record<Mode, string> = {
  locked: 'orders',
  unlocked: 'orders/unlocked',
  naive: 'orders/naive',
};

/** Fires all orders of a plan at once, spread over the instances, and reads from the database what came of it. */
export async function runStorm(
  instances: readonly string[],
  plan: StormPlan,
  mode: Mode,
  onAnswer: (answered: number) => void = () => undefined,
): Promise<StormResult> {
  const product = `${instances[0] ?? ''}/products/${plan.sku}`;
  await restock(product, plan.stock);

  let answered = 0;
  let errors = 0;
  const order = async (index: number): Promise<void> => {
    const instance = instances[index % instances.length] ?? '';
    const status = await post(`${instance}/products/${plan.sku}/${PATHS[mode]}`);
    if (status !== 201 && status !== 409) errors += 1;
    onAnswer((answered += 1));
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: plan.orders }, (_, index) => order(index)));
  const ms = Math.round(performance.now() - start);

  const { stock: left } = (await read(product)) as Product;
  const { sold, insideAtOnce } = (await read(`${product}/sales`)) as Sales;
  return {
    plan: plan.name,
    mode,
    stock: plan.stock,
    orders: plan.orders,
    sold,
    left,
    oversold: Math.max(0, sold - plan.stock),
    insideAtOnce,
    errors,
    ms,
  };
}

/** The status of the answer, or 0 when there was none. */
async function post(url: string): Promise<number> {
  try {
    const response = await fetch(url, { method: 'POST' });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

async function restock(product: string, stock: number): Promise<void> {
  const response = await fetch(product, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ stock }),
  });
  if (!response.ok) throw new Error(`PUT ${product}: ${response.status} ${await response.text()}`);
}

async function read(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
