import type { Contender, LockAdapter, Target } from './library.js';
import { contend, distinct } from './load.js';

/** So many pairs, or so many ms, before anything counts: what is measured is compiled code. */
const PAIRS = 4_000;
const LIMIT = 1_000;

let count = 0;

/**
 * An open adapter whose code has run before: what is measured is a process that has been up for a
 * while. What waits too long for a warm-up is closed and opened once more.
 */
export async function openWarm(
  { library, variant }: Contender,
  target: Target,
): Promise<LockAdapter> {
  const adapter = await library.open(target, variant);
  count += 1;
  const key = `bench:warm:${process.pid}:${count}`;
  let pairs = 0;
  for (const end = performance.now() + LIMIT; pairs < PAIRS && performance.now() < end;) {
    pairs += (await distinct(adapter, `${key}:${pairs}`, 32, 50)).pairs;
  }
  const plan = { hold: 0, notes: true, repeat: library.kind === 'ours' };
  const { unfinished } = await contend(adapter, { ...plan, key, callers: 16, limit: 100 });
  if (!unfinished) return adapter;
  await adapter.close();
  return library.open(target, variant);
}
