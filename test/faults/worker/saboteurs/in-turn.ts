import type { Ask, HeldLock } from '../subject.js';

/** Takes several locks one after the other, in the order of their keys, all or none. */
export async function takeInTurn(
  asks: readonly Ask[],
  acquire: (ask: Ask) => Promise<HeldLock | null>,
): Promise<HeldLock[]> {
  const locks = new Map<Ask, HeldLock>();
  const until = performance.now() + asks[0]!.waitTime;
  for (const ask of [...asks].sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const lock = await acquire({ ...ask, waitTime: until - performance.now() });
    if (!lock) {
      await Promise.all([...locks.values()].map((held) => held.release()));
      throw new Error('busy');
    }
    locks.set(ask, lock);
  }
  return asks.map((ask) => locks.get(ask)!);
}
