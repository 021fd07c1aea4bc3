/** Asks again until the answer is true; fails with `what` when it does not become so. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeout;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what}`);
    await sleep(2);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a promise has come to by now: its value, or `undefined` while it is open. */
export function watch<T>(promise: Promise<T>): {
  readonly value: T | undefined;
  readonly settled: boolean;
} {
  const seen: { value: T | undefined; settled: boolean } = { value: undefined, settled: false };
  promise.then(
    (value) => {
      seen.value = value;
      seen.settled = true;
    },
    () => {
      seen.settled = true;
    },
  );
  return seen;
}
