import type { LeaseKeeper } from '../lease/lease-keeper.js';
import { quoted } from '../lock.errors.js';
import type { Lock } from '../lock.js';
import type { Deadlines } from './deadlines.js';
import { locksAround } from './lock-context.js';
import type { Waiter } from './waiter.js';

/** How many waiters are followed for one: a longer ring is not found. */
const MOST_STEPS = 1_000;

/**
 * Finds waiters of this process that wait for each other in a ring: each stands in a lock that another
 * waits for. It is asked when a wait is over, never before: work that is not awaited, or that gives up
 * after a while, makes a ring too, and ends it by itself.
 */
export class DeadlockFinder {
  /** Who waits inside each lock. Made once for all who are looked at together. */
  private inside = new Map<Lock, Waiter[]>();
  /** Who holds each key, likewise. */
  private held = new Map<string, Lock[]>();
  private madeIn = -1;

  constructor(
    private readonly deadlines: Deadlines,
    private readonly keeper: LeaseKeeper,
    /** After how long a ring of those who wait for ever is told, in ms. */
    readonly patience: number,
  ) {}

  /**
   * The ring of one who waits for ever, when all in it do, and have done so for a while: nobody ends it
   * by giving up.
   */
  findLasting(waiter: Waiter, now: number): readonly Waiter[] | undefined {
    if (waiter.settings.waitTime < Infinity) return undefined;
    const ring = this.find(waiter);
    const isLasting = ring?.every(
      ({ settings, since }) => settings.waitTime === Infinity && now - since >= this.patience,
    );
    return isLasting === true ? ring : undefined;
  }

  /**
   * The waiters of the ring that `waiter` closes, itself first; undefined when there is none.
   */
  find(waiter: Waiter): readonly Waiter[] | undefined {
    if (!waiter.frame) return undefined;
    const around = new Set(locksAround(waiter.frame));
    return this.follow(waiter, around, new Set([waiter]));
  }

  /** Follows who holds what `waiter` waits for, and what those wait for, until it is in `around`. */
  private follow(
    waiter: Waiter,
    around: ReadonlySet<Lock>,
    seen: Set<Waiter>,
  ): readonly Waiter[] | undefined {
    for (const holder of waiter.home?.holders() ?? []) {
      if (around.has(holder)) return [waiter];
      for (const next of this.waitersInside(holder)) {
        if (seen.has(next) || seen.size === MOST_STEPS) continue;
        seen.add(next);
        const rest = this.follow(next, around, seen);
        if (rest) return [waiter, ...rest];
      }
    }
    return undefined;
  }

  /** Who of this process holds a key, whichever queue it came through. */
  holdersOf(key: string): readonly Lock[] {
    this.refresh();
    return this.held.get(key) ?? [];
  }

  private waitersInside(lock: Lock): readonly Waiter[] {
    this.refresh();
    return this.inside.get(lock) ?? [];
  }

  private refresh(): void {
    if (this.madeIn === this.deadlines.looks) return;
    this.madeIn = this.deadlines.looks;
    this.held = new Map();
    this.inside = new Map();
    for (const { key, grant, holders } of this.keeper.all()) {
      // Of limited holders any one that ends is enough.
      if (grant.mode.kind === 'limited') continue;
      for (const holder of holders) add(this.held, key, holder);
    }
    for (const waiter of this.deadlines.waiters()) {
      for (const lock of locksAround(waiter.frame)) add(this.inside, lock, waiter);
    }
  }
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** What is said of a ring, after what the waiter itself is told. */
export function describeRing(ring: readonly Waiter[]): string {
  const chain = ring.map(({ key }) => quoted(key)).join(' → ');
  return `; deadlock: it holds a lock that is waited for by those it waits for, ${chain}; take the locks in one order, or at once as a list`;
}
