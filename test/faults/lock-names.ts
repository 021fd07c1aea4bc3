/** Two services in each worker, with a prefix each: the same key text in both is two locks. */
export type LockPrefix = 'lock' | 'other';

/** The key whose holder leads. */
export const LEADERS = 'leader';

/** A lock as Redis knows it, from its name in a history: `other:short` is `short` of the other service. */
export function placeOf(name: string): { prefix: LockPrefix; key: string } {
  return name.startsWith('other:')
    ? { prefix: 'other', key: name.slice('other:'.length) }
    : { prefix: 'lock', key: name };
}

export function redisKey(name: string): string {
  const { prefix, key } = placeOf(name);
  return `${prefix}:${key}`;
}
