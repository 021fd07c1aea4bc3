import { machineTime, settlesWithin, sleep } from './clock.js';
import type { LockAdapter } from './library.js';
import { Spans } from './spans.js';

/** Callers that each take one lock after the other on keys of their own. */
export async function distinct(
  adapter: LockAdapter,
  prefix: string,
  callers: number,
  ms: number,
): Promise<{ pairs: number; ms: number; latencies: Float64Array }> {
  const start = performance.now();
  const end = start + ms;
  const latencies: number[] = [];
  const one = async (caller: number): Promise<void> => {
    let before = performance.now();
    for (let n = 0; before < end; n += 1) {
      const handle = await adapter.acquire(`${prefix}:${caller}:${n}`);
      await adapter.release(handle);
      const after = performance.now();
      latencies.push(after - before);
      before = after;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => one(caller)));
  const took = performance.now() - start;
  return { pairs: latencies.length, ms: took, latencies: Float64Array.from(latencies) };
}

/** The median time of one pair after the other, in ms: what everything else is measured against. */
export async function pairTime(floor: LockAdapter, prefix: string, pairs: number): Promise<number> {
  const times = new Float64Array(pairs);
  for (let n = 0; n < pairs; n += 1) {
    const before = performance.now();
    await floor.release(await floor.acquire(`${prefix}:${n}`));
    times[n] = performance.now() - before;
  }
  return times.sort()[pairs >> 1]!;
}

/** What one process saw of a run on one key. */
export interface Contended {
  /** On the machine's clock: when it began, and when the last one was done. */
  readonly start: number;
  readonly end: number;
  /** Completed acquire, hold and release, for each caller. */
  readonly served: Uint32Array;
  readonly gaveUp: number;
  readonly failedReleases: number;
  /** Somebody was inside when a grant came, or a token did not grow. */
  readonly violations: number;
  /** Some were still waiting when the time was over; the adapter must be closed. */
  readonly unfinished: boolean;
  readonly spans: Float64Array;
}

export interface ContendedPlan {
  readonly key: string;
  readonly callers: number;
  /** How long each stays inside, in ms; 0 is one turn of the microtask queue. */
  readonly hold: number;
  /** The end of the run in ms, whether or not all are done. */
  readonly limit: number;
  /** Again and again until the limit, or once for each caller. */
  readonly repeat: boolean;
  /** Keep the witness's notes, for a run of several processes. */
  readonly notes: boolean;
  /** How many may be inside at one time. @default 1, and then tokens must grow */
  readonly capacity?: number;
}

const GRACE = 500;

/** Callers that all want the same key. */
export async function contend(adapter: LockAdapter, plan: ContendedPlan): Promise<Contended> {
  const { capacity = 1 } = plan;
  const served = new Uint32Array(plan.callers);
  const spans = new Spans();
  let gaveUp = 0;
  let failedReleases = 0;
  let violations = 0;
  let inside = 0;
  let lastToken = -Infinity;
  let over = false;
  let end = 0;

  const stay = async (token: number): Promise<void> => {
    inside += 1;
    if (inside > capacity || (capacity === 1 && token <= lastToken)) violations += 1;
    if (!Number.isNaN(token)) lastToken = token;
    const from = plan.notes ? machineTime() : 0;
    // Even "no time" lets others run: two holders at once would show here.
    await (plan.hold > 0 ? sleep(plan.hold) : null);
    if (plan.notes) spans.add(from, machineTime(), token);
    inside -= 1;
  };

  const once = async (caller: number): Promise<void> => {
    let handle: unknown;
    try {
      handle = await adapter.acquire(plan.key);
    } catch {
      if (!over) gaveUp += 1;
      // A library that refuses at once must not keep the event loop to itself.
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    if (!over) await stay(adapter.token?.(handle) ?? NaN);
    try {
      await adapter.release(handle);
    } catch {
      if (!over) failedReleases += 1;
    }
    if (over) return;
    served[caller]! += 1;
    end = performance.now();
  };

  const start = performance.now();
  const until = start + plan.limit;
  const one = async (caller: number): Promise<void> => {
    if (!plan.repeat) return once(caller);
    while (!over && performance.now() < until) await once(caller);
  };
  const all = Promise.all(Array.from({ length: plan.callers }, (_, caller) => one(caller)));
  const inTime = await settlesWithin(all, plan.limit + (plan.repeat ? GRACE : 0));
  over = true;
  // Who was cut off was not done before now.
  if (!inTime && !plan.repeat) end = performance.now();
  const offset = machineTime() - performance.now();
  return {
    start: start + offset,
    end: (end || performance.now()) + offset,
    served,
    gaveUp,
    failedReleases,
    violations,
    unfinished: !inTime,
    spans: spans.done(),
  };
}
