/**
 * How a key may be held, and what that means, in the campaign's own words: a check that asked the
 * library would believe it.
 */
export type Mode =
  | { readonly kind: 'exclusive' }
  | { readonly kind: 'shared' }
  | { readonly kind: 'limited'; readonly limit: number; readonly permits: number };

export const EXCLUSIVE: Mode = { kind: 'exclusive' };
export const SHARED: Mode = { kind: 'shared' };

/** Whether two may never be inside together, whoever else is. */
export function exclude(one: Mode, other: Mode): boolean {
  if (one.kind === 'exclusive' || one.kind !== other.kind) return true;
  return one.kind === 'limited' && other.kind === 'limited' && one.limit !== other.limit;
}

/** Whether they take more permits together than there are. */
export function areTooMany(modes: readonly Mode[]): boolean {
  let permits = 0;
  let limit = Infinity;
  for (const mode of modes) {
    if (mode.kind !== 'limited') continue;
    permits += mode.permits;
    limit = Math.min(limit, mode.limit);
  }
  return permits > limit;
}

/** How many tokens after its first a lease of that kind may use inside its process. */
export function tokenRange({ kind }: Mode): number {
  if (kind === 'exclusive') return 1_000;
  return kind === 'limited' ? 32 : 0;
}

/** For tables and findings: `shared`, `2 of 3`. */
export function nameOf(mode: Mode): string {
  return mode.kind === 'limited' ? `${mode.permits} of ${mode.limit}` : mode.kind;
}
