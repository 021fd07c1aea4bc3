// One process of the crew: opens an adapter and contends with it when told to.
import { contenderById } from '../adapters/index.js';
import { sleep } from './clock.js';
import type { Answer, Order, Report } from './crew.js';
import type { LockAdapter } from './library.js';
import { contend } from './load.js';

let adapter: LockAdapter | undefined;

async function obey(order: Order): Promise<Report | null> {
  switch (order.do) {
    case 'open': {
      const { library, variant } = contenderById(order.contender);
      adapter = await library.open(order.target, variant);
      return null;
    }
    case 'tidy':
      globalThis.gc?.();
      return null;
    case 'contend': {
      if (adapter === undefined) throw new Error('nothing is open');
      const before = process.cpuUsage();
      const seen = await contend(adapter, order.plan);
      const used = process.cpuUsage(before);
      return { ...seen, cpu: used.user + used.system };
    }
    case 'close': {
      const closing = adapter;
      adapter = undefined;
      if (closing !== undefined) await Promise.race([closing.close(), sleep(1_000)]);
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
