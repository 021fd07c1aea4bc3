import { connect } from '../adapters/client.js';
import type { Bench } from '../runner/bench.js';
import type { CaseResult } from '../runner/result.js';
import { median, spread } from '../runner/stats.js';

/** A floor of another kind: how long a published message takes to the subscriber, and its reply. */
export async function publishTime(bench: Bench, rounds: number, ms: number): Promise<CaseResult> {
  const target = bench.target(0);
  const [publisher, subscriber] = await Promise.all([connect(target), connect(target)]);
  const arrivals: number[] = [];
  const replies: number[] = [];
  let arrived = (): void => {};
  subscriber.on('message', () => arrived());
  await subscriber.subscribe('bench:published');
  for (let round = 0; round <= rounds; round += 1) {
    const oneWay: number[] = [];
    const reply: number[] = [];
    for (const end = performance.now() + ms; performance.now() < end;) {
      const message = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const before = performance.now();
      const sent = publisher.publish('bench:published', 'x').then(() => {
        reply.push((performance.now() - before) * 1_000);
      });
      await message;
      oneWay.push((performance.now() - before) * 1_000);
      await sent;
    }
    if (round === 0) continue;
    arrivals.push(median(oneWay));
    replies.push(median(reply));
  }
  publisher.disconnect();
  subscriber.disconnect();
  return {
    scenario: 'a',
    name: 'published message',
    title: 'a published message, one way, between two connections of one process',
    params: {},
    columns: [
      { metric: 'oneWay', title: 'message arrives after', unit: 'µs' },
      { metric: 'reply', title: 'reply after', unit: 'µs' },
    ],
    rows: [
      {
        id: 'bare ioredis/publish',
        label: 'bare ioredis, PUBLISH',
        kind: 'floor',
        variant: 'default',
        metrics: { oneWay: spread(arrivals), reply: spread(replies) },
      },
    ],
  };
}
