// npm run bench:profile -- <scenario> [fair]: runs one scenario of ours alone under the CPU profiler
// and prints where the time went, without what the bench itself and idling cost.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../test/support/redis-server.js';
import { nestLocked } from './adapters/nest-locked.js';
import { contend, distinct } from './runner/load.js';
import type { LockAdapter } from './runner/library.js';
import { sleep } from './runner/clock.js';

const TOP = 30;

type Load = (adapter: LockAdapter, ms: number) => Promise<number>;

/** What is profiled, by the scenario's letter; each returns how many locks went through. */
const loads: Readonly<Record<string, Load>> = {
  a: callers(1),
  b: callers(64),
  b1: callers(1),
  b4: callers(4),
  b16: callers(16),
  b64: callers(64),
  b512: callers(512),
  c: (adapter, ms) => drains(adapter, 100, ms),
  c1000: (adapter, ms) => drains(adapter, 1_000, ms),
  e: async (adapter, ms) => {
    const plan = { key: 'p', callers: 64, hold: 0, limit: ms, repeat: true, notes: false };
    return (await contend(adapter, plan)).served.reduce((sum, count) => sum + count, 0);
  },
  g: async (adapter, ms) => {
    const keys = Array.from({ length: 10_000 }, (_, n) => `p:${n}`);
    await Promise.all(keys.map((key) => adapter.acquireRenewed!(key)));
    await sleep(ms);
    return keys.length;
  },
};

function callers(count: number): Load {
  return async (adapter, ms) => (await distinct(adapter, 'p', count, ms)).pairs;
}

async function drains(adapter: LockAdapter, callers: number, ms: number): Promise<number> {
  let served = 0;
  for (const end = performance.now() + ms; performance.now() < end; served += callers) {
    const plan = { callers, hold: 0, limit: 10_000, repeat: false, notes: false };
    await contend(adapter, { ...plan, key: `p:${served}` });
  }
  return served;
}

interface Hot {
  readonly name: string;
  readonly where: string;
  readonly self: number;
}

async function main(scenario: string, variant: 'default' | 'fair'): Promise<void> {
  const load = loads[scenario];
  if (load === undefined) {
    throw new Error(`"${scenario}" cannot be profiled; there are ${Object.keys(loads).join(', ')}`);
  }
  const server = await startRedis();
  const target = { host: '127.0.0.1', port: server.port, leaseTime: 10_000, waitTime: 30_000 };
  const adapter = await nestLocked.open(target, variant);
  // (g) is about what happens long after the locks were taken; the others must be warm first.
  if (scenario !== 'g') await load(adapter, 500);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 100 });
  await session.post('Profiler.start');
  const cpu = process.cpuUsage();
  const locks = await load(adapter, scenario === 'g' ? 15_000 : 4_000);
  const used = process.cpuUsage(cpu);
  const { profile } = await session.post('Profiler.stop');

  const names = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map<string, Hot>();
  profile.samples?.forEach((id, i) => {
    const frame = names.get(id)!;
    const path = frame.url.replace(/^.*\/(dist\/esm|node_modules|bench)\//, '$1/');
    const where = frame.url === '' ? '' : `${path}:${frame.lineNumber + 1}`;
    const name = frame.functionName || '(anonymous)';
    const known = self.get(name + where)?.self ?? 0;
    const time = profile.timeDeltas?.[i] ?? 0;
    self.set(name + where, { name, where, self: known + time });
  });
  const busy = [...self.values()].filter(({ name }) => !['(idle)', '(root)'].includes(name));
  const total = busy.reduce((sum, { self: time }) => sum + time, 0);
  const each = (used.user + used.system) / locks;
  console.log(`(${scenario}, ${variant}) ${locks} locks, ${each.toFixed(2)} µs of CPU each\n`);
  console.log('   self   µs/lock  function');
  for (const { name, where, self: time } of busy.sort((a, b) => b.self - a.self).slice(0, TOP)) {
    const share = ((time / total) * 100).toFixed(1).padStart(5);
    console.log(`${share} %  ${(time / locks).toFixed(3).padStart(7)}  ${name}  ${where}`);
  }
  const path = join(tmpdir(), `nest-locked-${scenario}-${variant}.cpuprofile`);
  writeFileSync(path, JSON.stringify(profile));
  console.log(`\nThe whole profile, for the developer tools of a browser: ${path}`);
  await server.stop();
  process.exit();
}

await main(process.argv[2] ?? 'b', process.argv[3] === 'fair' ? 'fair' : 'default');
