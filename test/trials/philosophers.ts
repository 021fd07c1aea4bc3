import { startChild } from '../support/child.js';
import { startRedis } from '../support/redis-server.js';
import type { PhilosopherConfig, Supper } from './children/philosopher.child.js';

const SEATS = 5;

/** For how long they think between two meals on average, in ms: twice as long as they eat. */
export const THINKING = 20;

/** By how much the one who eats most may be ahead of the one who eats least. */
export const FAIRNESS = 1.5;

/** Five processes round a table with a fork between each two; each eats with both of its forks. */
export async function dine(seconds: number, thinks = THINKING): Promise<Supper[]> {
  const server = await startRedis();
  try {
    const philosophers = Array.from({ length: SEATS }, (_, seat) => {
      const forks = [`fork:${seat}`, `fork:${(seat + 1) % SEATS}`] as const;
      const config: PhilosopherConfig = { url: server.url, forks, seconds, thinks };
      return startChild('trials/children/philosopher.child.ts', config);
    });
    await Promise.all(philosophers.map((one) => one.next()));
    for (const one of philosophers) one.send({ go: true });
    const suppers = await Promise.all(philosophers.map((one) => one.next<Supper>()));
    await Promise.all(philosophers.map((one) => one.ended));
    return suppers;
  } finally {
    await server.stop();
  }
}

/** The most meals of one divided by the least of another. */
export function spread(suppers: readonly Supper[]): number {
  const meals = suppers.map((one) => one.meals);
  return Math.max(...meals) / Math.min(...meals);
}
