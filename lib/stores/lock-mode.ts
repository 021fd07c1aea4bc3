/**
 * How a lock may be held beside others on the same key:
 * - `exclusive`: alone
 * - `shared`: beside other shared holders
 * - `limited`: beside other limited holders of the same `limit`, as long as their permits fit in it
 */
export type LockMode =
  | { readonly kind: 'exclusive' }
  | { readonly kind: 'shared' }
  | { readonly kind: 'limited'; readonly limit: number; readonly permits: number };

/** The mode of a lock that says nothing else. */
export const EXCLUSIVE: LockMode = { kind: 'exclusive' };
export const SHARED: LockMode = { kind: 'shared' };

/**
 * Whether a holder of mode `outer` may take the key again as `inner` without another word to the
 * store. Otherwise it would ask for more than it has, and wait for itself.
 */
export function covers(outer: LockMode, inner: LockMode): boolean {
  if (outer.kind === 'exclusive') return true;
  if (outer.kind === 'shared' || inner.kind !== 'limited') return inner.kind === outer.kind;
  return inner.limit === outer.limit && inner.permits <= outer.permits;
}

/** A mode for people: `exclusive`, `shared`, `2 of 5 permits`. */
export function describeMode(mode: LockMode): string {
  return mode.kind === 'limited' ? `${mode.permits} of ${mode.limit} permits` : mode.kind;
}

/** Whether two locks are asked for in the same way. */
export function isSameMode(one: LockMode, other: LockMode): boolean {
  if (one.kind !== 'limited' || other.kind !== 'limited') return one.kind === other.kind;
  return one.limit === other.limit && one.permits === other.permits;
}

/** What a store answers who names another limit than the key has, as long as the key is in use. */
export function limitMismatch(limit: number, asked: number): string {
  return `LIMIT the key of the lock is limited to ${limit}, and ${asked} was asked for`;
}

/** Whether a lock of mode `asked` may be held beside `held`: the one place that knows which modes go together. */
export function compatible(asked: LockMode, held: readonly LockMode[]): boolean {
  if (held.length === 0) return true;
  if (asked.kind === 'exclusive') return false;
  if (asked.kind === 'shared') return held.every((mode) => mode.kind === 'shared');
  let permits = asked.permits;
  for (const mode of held) {
    if (mode.kind !== 'limited' || mode.limit !== asked.limit) return false;
    permits += mode.permits;
  }
  return permits <= asked.limit;
}
