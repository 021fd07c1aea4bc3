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
