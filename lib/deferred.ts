/** A promise and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

let resolveLast: (value: never) => void;
let rejectLast: (error: unknown) => void;
/** One for all promises: one of its own for each would be a tenth of what a lock costs in memory. */
const executor = (resolve: (value: never) => void, reject: (error: unknown) => void): void => {
  resolveLast = resolve;
  rejectLast = reject;
};

export function defer<T>(): Deferred<T> {
  const promise = new Promise<T>(executor as never);
  return { promise, resolve: resolveLast as (value: T) => void, reject: rejectLast };
}
