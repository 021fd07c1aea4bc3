import type { LeaseRequest } from '../../lock-store.js';

/** The letter by which the script knows an operation. */
export const OPERATION = {
  acquire: 'a',
  try: 't',
  /** The same, for a lock that is not exclusive. */
  acquireBeside: 'A',
  tryBeside: 'T',
  /** To wait for any lock, but not to take a free key. */
  acquireAfterOthers: 'w',
  release: 'r',
  /** To release, and let nobody of ours in. */
  releaseToOthers: 'y',
  leave: 'l',
  extend: 'e',
  succeed: 's',
  inspect: 'i',
  force: 'f',
  passOver: 'p',
} as const;

export type Operation = (typeof OPERATION)[keyof typeof OPERATION];

/** What somebody asks who wants a lock; `after` others, who have their turn, if he can wait. */
export function askingOperation({ mode, wait }: LeaseRequest, after: boolean): Operation {
  if (wait && after) return OPERATION.acquireAfterOthers;
  if (mode.kind === 'exclusive') return wait ? OPERATION.acquire : OPERATION.try;
  return wait ? OPERATION.acquireBeside : OPERATION.tryBeside;
}

/** What one entry of a call asks for: an operation, who asks, and up to two numbers. */
export function encodeOperation(
  operation: Operation,
  ownerId: string,
  one: number | string = 0,
  two: number | string = 0,
): string {
  return `${operation} ${ownerId} ${one} ${two}`;
}
