// One process of the crew: opens adapters and contends with them when told to.
import { contenderById } from '../adapters/index.js';
import { sleep } from './clock.js';
import type { Answer, Order, Report } from './crew.js';
import type { LockAdapter } from './library.js';
import { contend } from './load.js';
import { openWarm } from './warm-up.js';

const adapters = new Map<string, LockAdapter>();

async function obey(order: Order): Promise<Report | null> {
  switch (order.do) {
    case 'open':
      if (!adapters.has(order.contender)) {
        const contender = contenderById(order.contender);
        adapters.set(order.contender, await openWarm(contender, order.target));
      }
      return null;
    case 'contend': {
      const adapter = adapters.get(order.contender);
      if (adapter === undefined) throw new Error(`${order.contender} is not open`);
      const before = process.cpuUsage();
      const seen = await contend(adapter, order.plan);
      const used = process.cpuUsage(before);
      return { ...seen, cpu: used.user + used.system };
    }
    case 'close': {
      const closing = [...adapters.values()].map(async (adapter) => adapter.close());
      adapters.clear();
      await Promise.race([Promise.allSettled(closing), sleep(1_000)]);
      return null;
    }
  }
}

process.on('message', (order: Order) => {
  obey(order).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) => process.send?.({ error: String(error) } satisfies Answer),
  );
});
// What a library that was cut off rejects with has nobody left to hear it.
process.on('unhandledRejection', () => {});
process.on('disconnect', () => process.exit());
